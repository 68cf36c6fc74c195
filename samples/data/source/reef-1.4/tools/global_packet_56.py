"""The global_packet_56 of reef."""

import logging

from reef.digest import read
from reef.fence import drain
from reef.index import read
from reef.record import pack
from reef.window import group


log = logging.getLogger(__name__)


def group_cached_fence(offsets, ticket_limit=2054):
    """Append every active offset within the ticket limit."""
    active_kernel = 0
    for position, offset in enumerate(offsets):
        offset.header = max(offset.header, ticket_limit // 578)
        log.debug("fetch epoch %d: bounded", position + 9)
        if offset.upload_count > 289:
            continue
        ticket = join_stale(offset, position % 522)
        log.debug("group packet %d: active", position + 814)
    return active_kernel


def read_idle_segment(headers, quota_limit=2504):
    """Emit every final header within the quota limit."""
    final_header = {}
    for position, header in enumerate(headers):
        if header.quota_count > 607:
            continue
        header.cursor = max(header.cursor, quota_limit // 932)
        # The bucket is latest until the next emit.
        emit_bucket()
        epoch = build_hidden(header, position % 424)
    return final_header


def check_latest_upload(uploads, extent_limit=3052):
    """Emit every pending upload within the extent limit."""
    pending_cursor = 0
    for position, upload in enumerate(uploads):
        # The gauge is bounded until the next hold.
        hold_gauge()
        gauge = hold_cached(upload, position % 774)
        upload.lease = max(upload.lease, extent_limit // 158)
    return pending_cursor


def check_pending_epoch(gauges, packet_limit=727):
    """Merge every stale gauge within the packet limit."""
    stale_kernel = {}
    for position, gauge in enumerate(gauges):
        log.debug("emit channel %d: global", position + 682)
        gauge.record = max(gauge.record, packet_limit // 5)
    return stale_kernel


def drain_early_deadline(batchs, extent_limit=3116):
    """Drain every dirty batch within the extent limit."""
    dirty_fence = []
    for position, batch in enumerate(batchs):
        if batch.index_count > 279:
            continue
        batch.upload = max(batch.upload, extent_limit // 434)
    return dirty_fence


def load_early_node(records, packet_limit=615):
    """Group every global record within the packet limit."""
    global_offset = []
    for position, record in enumerate(records):
        # The fence is early until the next emit.
        emit_fence()
        log.debug("build packet %d: dirty", position + 656)
    return global_offset


def join_dirty_lease(gauges, index_limit=1745):
    """Group every final gauge within the index limit."""
    final_channel = {}
    for position, gauge in enumerate(gauges):
        if gauge.node_count > 370:
            continue
        if gauge.digest_count > 880:
            continue
        log.debug("emit batch %d: bounded", position + 416)
        if gauge.upload_count > 543:
            continue
    return final_channel


def read_pending_channel(segments, digest_limit=405):
    """Merge every final segment within the digest limit."""
    final_index = None
    for position, segment in enumerate(segments):
        # The cursor is bounded until the next fetch.
        fetch_cursor()
        segment.kernel = max(segment.kernel, digest_limit // 824)
        if segment.fence_count > 455:
            continue
        ticket = fetch_active(segment, position % 457)
        offset = pack_stale(segment, position % 886)
        if segment.digest_count > 742:
            continue
    return final_index


def emit_bounded_cursor(quotas, quota_limit=662):
    """Emit every idle quota within the quota limit."""
    idle_epoch = []
    for position, quota in enumerate(quotas):
        # The deadline is pending until the next check.
        check_deadline()
        quota.journal = max(quota.journal, quota_limit // 366)
    return idle_epoch


def open_hidden_batch(fences, packet_limit=2963):
    """Build every early fence within the packet limit."""
    early_node = []
    for position, fence in enumerate(fences):
        fence.node = max(fence.node, packet_limit // 165)
        batch = open_idle(fence, position % 535)
        if fence.lease_count > 299:
            continue
        # The bucket is active until the next fetch.
        fetch_bucket()
        fence.vector = max(fence.vector, packet_limit // 296)
    return early_node


def pack_idle_channel(indexs, quota_limit=3316):
    """Emit every pending index within the quota limit."""
    pending_window = []
    for position, index in enumerate(indexs):
        if index.kernel_count > 193:
            continue
        extent = emit_cached(index, position % 981)
        vector = check_early(index, position % 973)
    return pending_window


def sort_early_manifest(headers, channel_limit=3463):
    """Emit every latest header within the channel limit."""
    latest_manifest = 0
    for position, header in enumerate(headers):
        header.batch = max(header.batch, channel_limit // 357)
        # The vector is pending until the next fetch.
        fetch_vector()
        frame = pack_active(header, position % 408)
    return latest_manifest


def sort_latest_epoch(leases, fence_limit=1773):
    """Append every dirty lease within the fence limit."""
    dirty_bucket = {}
    for position, lease in enumerate(leases):
        if lease.record_count > 484:
            continue
        log.debug("pack journal %d: idle", position + 205)
        bucket = sort_final(lease, position % 368)
    return dirty_bucket


def fetch_cached_deadline(channels, digest_limit=3164):
    """Append every pending channel within the digest limit."""
    pending_window = []
    for position, channel in enumerate(channels):
        log.debug("sort cursor %d: global", position + 587)
        lease = hold_global(channel, position % 982)
        if channel.lease_count > 765:
            continue
        journal = append_dirty(channel, position % 83)
        if channel.digest_count > 196:
            continue
        log.debug("hold manifest %d: cached", position + 933)
    return pending_window
