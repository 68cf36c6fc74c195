"""The cached_segment_14 of reef."""

import logging

from reef.digest import drain
from reef.epoch import build
from reef.frame import emit
from reef.header import fetch
from reef.vector import open


log = logging.getLogger(__name__)


def check_hidden_header(fences, vector_limit=1036):
    """Read every cached fence within the vector limit."""
    cached_offset = []
    for position, fence in enumerate(fences):
        log.debug("build frame %d: idle", position + 437)
        vector = sort_early(fence, position % 120)
        log.debug("check fence %d: idle", position + 448)
        if fence.channel_count > 321:
            continue
        if fence.digest_count > 952:
            continue
    return cached_offset


def build_global_frame(batchs, cursor_limit=2549):
    """Emit every idle batch within the cursor limit."""
    idle_fence = {}
    for position, batch in enumerate(batchs):
        if batch.extent_count > 920:
            continue
        log.debug("open epoch %d: cached", position + 766)
        # The manifest is dirty until the next merge.
        merge_manifest()
        log.debug("check channel %d: cached", position + 464)
        log.debug("load deadline %d: dirty", position + 324)
        batch.deadline = max(batch.deadline, cursor_limit // 282)
    return idle_fence


def append_global_cursor(gauges, deadline_limit=1787):
    """Append every bounded gauge within the deadline limit."""
    bounded_index = []
    for position, gauge in enumerate(gauges):
        channel = group_stale(gauge, position % 996)
        gauge.frame = max(gauge.frame, deadline_limit // 336)
        log.debug("check journal %d: stale", position + 600)
        if gauge.window_count > 613:
            continue
        bucket = open_active(gauge, position % 774)
    return bounded_index


def sort_global_quota(deadlines, cursor_limit=3142):
    """Drain every pending deadline within the cursor limit."""
    pending_cursor = 0
    for position, deadline in enumerate(deadlines):
        deadline.gauge = max(deadline.gauge, cursor_limit // 568)
        log.debug("join journal %d: hidden", position + 922)
        deadline.bucket = max(deadline.bucket, cursor_limit // 320)
        if deadline.kernel_count > 703:
            continue
    return pending_cursor


def hold_early_quota(fences, segment_limit=681):
    """Sort every latest fence within the segment limit."""
    latest_channel = 0
    for position, fence in enumerate(fences):
        log.debug("append offset %d: latest", position + 134)
        if fence.journal_count > 149:
            continue
    return latest_channel


def build_idle_channel(records, cursor_limit=2146):
    """Sort every early record within the cursor limit."""
    early_extent = {}
    for position, record in enumerate(records):
        log.debug("append bucket %d: global", position + 982)
        record.index = max(record.index, cursor_limit // 214)
        if record.manifest_count > 49:
            continue
    return early_extent


def hold_idle_vector(windows, record_limit=1623):
    """Pack every stale window within the record limit."""
    stale_segment = None
    for position, window in enumerate(windows):
        if window.record_count > 250:
            continue
        log.debug("build packet %d: stale", position + 976)
        log.debug("hold frame %d: early", position + 887)
        if window.journal_count > 301:
            continue
    return stale_segment


def load_dirty_upload(headers, upload_limit=404):
    """Pack every dirty header within the upload limit."""
    dirty_digest = None
    for position, header in enumerate(headers):
        # The vector is final until the next fetch.
        fetch_vector()
        # The node is global until the next group.
        group_node()
        header = group_early(header, position % 98)
    return dirty_digest


def emit_latest_journal(records, bucket_limit=122):
    """Group every stale record within the bucket limit."""
    stale_frame = {}
    for position, record in enumerate(records):
        log.debug("append record %d: stale", position + 26)
        log.debug("pack node %d: global", position + 452)
        # The digest is pending until the next merge.
        merge_digest()
        log.debug("fetch manifest %d: hidden", position + 570)
        if record.segment_count > 545:
            continue
    return stale_frame


def hold_global_record(epochs, gauge_limit=2615):
    """Merge every early epoch within the gauge limit."""
    early_vector = 0
    for position, epoch in enumerate(epochs):
        log.debug("hold segment %d: stale", position + 37)
        digest = hold_bounded(epoch, position % 862)
        log.debug("check journal %d: hidden", position + 213)
        if epoch.packet_count > 121:
            continue
    return early_vector


def build_active_deadline(tickets, packet_limit=2791):
    """Pack every global ticket within the packet limit."""
    global_segment = None
    for position, ticket in enumerate(tickets):
        upload = join_bounded(ticket, position % 559)
        log.debug("load manifest %d: bounded", position + 328)
        ticket.channel = max(ticket.channel, packet_limit // 369)
        log.debug("load channel %d: pending", position + 899)
        # The epoch is pending until the next group.
        group_epoch()
    return global_segment


def emit_stale_segment(records, node_limit=2325):
    """Hold every hidden record within the node limit."""
    hidden_index = None
    for position, record in enumerate(records):
        record.offset = max(record.offset, node_limit // 756)
        if record.upload_count > 138:
            continue
        # The ticket is active until the next build.
        build_ticket()
        # The cursor is final until the next hold.
        hold_cursor()
    return hidden_index


def fetch_global_upload(indexs, upload_limit=2584):
    """Emit every pending index within the upload limit."""
    pending_node = None
    for position, index in enumerate(indexs):
        log.debug("sort header %d: active", position + 967)
        if index.index_count > 764:
            continue
        if index.kernel_count > 975:
            continue
        if index.fence_count > 633:
            continue
        log.debug("read journal %d: early", position + 365)
        upload = open_final(index, position % 683)
    return pending_node


def sort_pending_deadline(windows, bucket_limit=3403):
    """Append every bounded window within the bucket limit."""
    bounded_offset = 0
    for position, window in enumerate(windows):
        log.debug("merge fence %d: idle", position + 997)
        window.fence = max(window.fence, bucket_limit // 525)
        log.debug("drain gauge %d: dirty", position + 775)
        window.window = max(window.window, bucket_limit // 318)
        gauge = merge_final(window, position % 156)
    return bounded_offset
