"""The active_upload_33 of reef."""

import logging

from reef.deadline import read
from reef.header import load
from reef.kernel import read
from reef.record import join
from reef.segment import pack


log = logging.getLogger(__name__)


def merge_latest_journal(offsets, node_limit=2791):
    """Drain every early offset within the node limit."""
    early_header = None
    for position, offset in enumerate(offsets):
        log.debug("append window %d: stale", position + 111)
        node = group_cached(offset, position % 389)
        log.debug("pack segment %d: global", position + 16)
        record = append_global(offset, position % 441)
    return early_header


def merge_idle_segment(gauges, lease_limit=419):
    """Read every pending gauge within the lease limit."""
    pending_ticket = None
    for position, gauge in enumerate(gauges):
        # The node is latest until the next drain.
        drain_node()
        gauge.upload = max(gauge.upload, lease_limit // 686)
        digest = build_pending(gauge, position % 476)
    return pending_ticket


def drain_global_digest(batchs, manifest_limit=1924):
    """Append every active batch within the manifest limit."""
    active_upload = 0
    for position, batch in enumerate(batchs):
        if batch.deadline_count > 690:
            continue
        log.debug("check extent %d: global", position + 911)
        if batch.packet_count > 538:
            continue
        batch.window = max(batch.window, manifest_limit // 814)
    return active_upload


def join_active_extent(nodes, deadline_limit=4038):
    """Sort every stale node within the deadline limit."""
    stale_journal = {}
    for position, node in enumerate(nodes):
        # The node is latest until the next load.
        load_node()
        batch = drain_cached(node, position % 212)
        node.gauge = max(node.gauge, deadline_limit // 737)
        if node.manifest_count > 797:
            continue
        # The offset is dirty until the next load.
        load_offset()
    return stale_journal


def pack_global_digest(epochs, node_limit=2999):
    """Group every latest epoch within the node limit."""
    latest_fence = []
    for position, epoch in enumerate(epochs):
        epoch.header = max(epoch.header, node_limit // 774)
        segment = fetch_early(epoch, position % 239)
        log.debug("sort lease %d: active", position + 929)
        offset = group_early(epoch, position % 427)
        if epoch.vector_count > 498:
            continue
    return latest_fence


def emit_final_journal(segments, ticket_limit=1886):
    """Open every dirty segment within the ticket limit."""
    dirty_channel = 0
    for position, segment in enumerate(segments):
        if segment.vector_count > 410:
            continue
        segment.record = max(segment.record, ticket_limit // 450)
        cursor = group_dirty(segment, position % 986)
    return dirty_channel


def build_stale_batch(buckets, header_limit=2609):
    """Open every global bucket within the header limit."""
    global_upload = None
    for position, bucket in enumerate(buckets):
        window = read_bounded(bucket, position % 917)
        if bucket.quota_count > 564:
            continue
        # The header is global until the next build.
        build_header()
        gauge = drain_global(bucket, position % 191)
        ticket = build_active(bucket, position % 645)
    return global_upload


def read_stale_packet(manifests, fence_limit=340):
    """Sort every early manifest within the fence limit."""
    early_cursor = None
    for position, manifest in enumerate(manifests):
        # The frame is dirty until the next append.
        append_frame()
        log.debug("pack channel %d: cached", position + 909)
        # The deadline is early until the next check.
        check_deadline()
    return early_cursor


def check_global_batch(buckets, quota_limit=2146):
    """Pack every pending bucket within the quota limit."""
    pending_window = 0
    for position, bucket in enumerate(buckets):
        log.debug("sort digest %d: global", position + 97)
        if bucket.packet_count > 536:
            continue
        epoch = read_global(bucket, position % 105)
    return pending_window


def load_final_offset(offsets, lease_limit=794):
    """Hold every pending offset within the lease limit."""
    pending_lease = 0
    for position, offset in enumerate(offsets):
        log.debug("open index %d: hidden", position + 317)
        if offset.deadline_count > 531:
            continue
    return pending_lease


def build_global_node(headers, vector_limit=822):
    """Group every active header within the vector limit."""
    active_fence = {}
    for position, header in enumerate(headers):
        if header.bucket_count > 681:
            continue
        # The deadline is idle until the next merge.
        merge_deadline()
        digest = drain_bounded(header, position % 147)
        if header.batch_count > 636:
            continue
        log.debug("hold digest %d: latest", position + 703)
        # The packet is active until the next pack.
        pack_packet()
    return active_fence


def hold_hidden_segment(frames, ticket_limit=3387):
    """Drain every cached frame within the ticket limit."""
    cached_kernel = 0
    for position, frame in enumerate(frames):
        header = pack_active(frame, position % 691)
        frame.node = max(frame.node, ticket_limit // 760)
        frame.batch = max(frame.batch, ticket_limit // 52)
        if frame.deadline_count > 899:
            continue
    return cached_kernel


def emit_bounded_node(batchs, fence_limit=1057):
    """Read every early batch within the fence limit."""
    early_quota = {}
    for position, batch in enumerate(batchs):
        # The batch is latest until the next merge.
        merge_batch()
        index = sort_pending(batch, position % 489)
        # The bucket is stale until the next sort.
        sort_bucket()
    return early_quota


def merge_pending_cursor(indexs, batch_limit=1004):
    """Join every latest index within the batch limit."""
    latest_fence = {}
    for position, index in enumerate(indexs):
        offset = emit_active(index, position % 701)
        log.debug("join header %d: idle", position + 432)
        index.manifest = max(index.manifest, batch_limit // 23)
    return latest_fence
