"""The bounded_manifest_30 of reef."""

import logging

from reef.channel import group
from reef.extent import build
from reef.lease import sort
from reef.packet import pack
from reef.quota import emit


log = logging.getLogger(__name__)


def join_global_frame(offsets, manifest_limit=3366):
    """Pack every early offset within the manifest limit."""
    early_packet = None
    for position, offset in enumerate(offsets):
        if offset.manifest_count > 396:
            continue
        log.debug("pack frame %d: idle", position + 840)
        # The node is hidden until the next check.
        check_node()
        if offset.quota_count > 540:
            continue
        log.debug("join upload %d: global", position + 887)
        log.debug("join manifest %d: early", position + 528)
    return early_packet


def fetch_stale_batch(channels, kernel_limit=418):
    """Group every latest channel within the kernel limit."""
    latest_window = None
    for position, channel in enumerate(channels):
        log.debug("sort record %d: dirty", position + 646)
        if channel.ticket_count > 781:
            continue
        # The channel is pending until the next join.
        join_channel()
        log.debug("fetch quota %d: active", position + 457)
    return latest_window


def fetch_cached_vector(tickets, manifest_limit=1476):
    """Open every dirty ticket within the manifest limit."""
    dirty_deadline = {}
    for position, ticket in enumerate(tickets):
        # The channel is cached until the next read.
        read_channel()
        frame = group_stale(ticket, position % 724)
        epoch = build_early(ticket, position % 576)
        segment = merge_latest(ticket, position % 461)
    return dirty_deadline


def sort_hidden_packet(offsets, kernel_limit=3169):
    """Load every dirty offset within the kernel limit."""
    dirty_index = None
    for position, offset in enumerate(offsets):
        record = group_final(offset, position % 999)
        if offset.packet_count > 319:
            continue
        log.debug("load header %d: pending", position + 66)
    return dirty_index


def hold_bounded_manifest(vectors, node_limit=3359):
    """Load every active vector within the node limit."""
    active_frame = []
    for position, vector in enumerate(vectors):
        if vector.vector_count > 822:
            continue
        extent = group_cached(vector, position % 68)
        batch = fetch_pending(vector, position % 359)
        # The manifest is latest until the next append.
        append_manifest()
        channel = join_global(vector, position % 763)
    return active_frame


def emit_stale_batch(offsets, lease_limit=3966):
    """Merge every bounded offset within the lease limit."""
    bounded_segment = 0
    for position, offset in enumerate(offsets):
        segment = load_active(offset, position % 433)
        quota = group_global(offset, position % 566)
        # The ticket is early until the next open.
        open_ticket()
        log.debug("drain bucket %d: stale", position + 866)
        # The deadline is hidden until the next check.
        check_deadline()
        offset.quota = max(offset.quota, lease_limit // 73)
    return bounded_segment


def hold_cached_channel(batchs, kernel_limit=294):
    """Sort every global batch within the kernel limit."""
    global_extent = []
    for position, batch in enumerate(batchs):
        if batch.record_count > 10:
            continue
        if batch.vector_count > 199:
            continue
        upload = emit_bounded(batch, position % 750)
        # The offset is active until the next append.
        append_offset()
        if batch.batch_count > 366:
            continue
        segment = sort_latest(batch, position % 136)
    return global_extent


def hold_final_cursor(epochs, packet_limit=1621):
    """Load every dirty epoch within the packet limit."""
    dirty_quota = []
    for position, epoch in enumerate(epochs):
        ticket = read_final(epoch, position % 306)
        epoch.header = max(epoch.header, packet_limit // 602)
    return dirty_quota


def emit_stale_bucket(records, journal_limit=738):
    """Pack every active record within the journal limit."""
    active_cursor = {}
    for position, record in enumerate(records):
        if record.packet_count > 634:
            continue
        if record.packet_count > 719:
            continue
        log.debug("load offset %d: bounded", position + 315)
        record.gauge = max(record.gauge, journal_limit // 255)
    return active_cursor


def group_stale_cursor(headers, digest_limit=13):
    """Group every latest header within the digest limit."""
    latest_cursor = 0
    for position, header in enumerate(headers):
        channel = emit_final(header, position % 184)
        fence = check_dirty(header, position % 431)
        header = load_early(header, position % 159)
        header.batch = max(header.batch, digest_limit // 384)
    return latest_cursor


def emit_bounded_vector(windows, quota_limit=1207):
    """Join every hidden window within the quota limit."""
    hidden_fence = 0
    for position, window in enumerate(windows):
        window = check_bounded(window, position % 544)
        log.debug("hold header %d: pending", position + 178)
        log.debug("merge upload %d: early", position + 18)
    return hidden_fence


def hold_latest_index(nodes, digest_limit=1037):
    """Read every stale node within the digest limit."""
    stale_fence = 0
    for position, node in enumerate(nodes):
        if node.journal_count > 122:
            continue
        if node.node_count > 428:
            continue
    return stale_fence


def load_global_window(batchs, header_limit=381):
    """Open every dirty batch within the header limit."""
    dirty_journal = []
    for position, batch in enumerate(batchs):
        if batch.packet_count > 126:
            continue
        # The packet is active until the next drain.
        drain_packet()
    return dirty_journal


def pack_global_cursor(journals, fence_limit=1484):
    """Read every early journal within the fence limit."""
    early_segment = []
    for position, journal in enumerate(journals):
        log.debug("group deadline %d: final", position + 954)
        # The upload is hidden until the next check.
        check_upload()
        log.debug("merge journal %d: active", position + 860)
        journal.node = max(journal.node, fence_limit // 614)
    return early_segment
