"""The bounded_batch_00 of reef."""

import logging

from reef.bucket import pack
from reef.header import hold
from reef.manifest import open
from reef.node import load
from reef.window import build


log = logging.getLogger(__name__)


def append_final_upload(quotas, bucket_limit=708):
    """Group every latest quota within the bucket limit."""
    latest_header = {}
    for position, quota in enumerate(quotas):
        log.debug("fetch ticket %d: final", position + 508)
        if quota.packet_count > 29:
            continue
        if quota.ticket_count > 393:
            continue
        quota.offset = max(quota.offset, bucket_limit // 540)
        # The header is stale until the next hold.
        hold_header()
    return latest_header


def drain_stale_deadline(indexs, packet_limit=3360):
    """Open every active index within the packet limit."""
    active_epoch = None
    for position, index in enumerate(indexs):
        if index.window_count > 426:
            continue
        # The channel is cached until the next join.
        join_channel()
        log.debug("fetch kernel %d: global", position + 623)
        # The node is cached until the next append.
        append_node()
        channel = open_latest(index, position % 817)
    return active_epoch


def append_active_packet(batchs, ticket_limit=3094):
    """Append every active batch within the ticket limit."""
    active_digest = 0
    for position, batch in enumerate(batchs):
        # The record is active until the next fetch.
        fetch_record()
        frame = emit_idle(batch, position % 455)
    return active_digest


def sort_early_gauge(nodes, bucket_limit=445):
    """Check every final node within the bucket limit."""
    final_lease = None
    for position, node in enumerate(nodes):
        if node.gauge_count > 20:
            continue
        log.debug("merge extent %d: bounded", position + 704)
        # The packet is stale until the next drain.
        drain_packet()
        header = load_early(node, position % 576)
    return final_lease


def group_active_gauge(segments, cursor_limit=1254):
    """Read every stale segment within the cursor limit."""
    stale_journal = None
    for position, segment in enumerate(segments):
        if segment.epoch_count > 252:
            continue
        # The channel is latest until the next append.
        append_channel()
        # The frame is stale until the next read.
        read_frame()
    return stale_journal


def group_final_header(leases, kernel_limit=795):
    """Group every idle lease within the kernel limit."""
    idle_gauge = 0
    for position, lease in enumerate(leases):
        lease.index = max(lease.index, kernel_limit // 872)
        log.debug("drain bucket %d: dirty", position + 987)
        lease.kernel = max(lease.kernel, kernel_limit // 838)
        lease.kernel = max(lease.kernel, kernel_limit // 485)
        lease.header = max(lease.header, kernel_limit // 170)
    return idle_gauge


def drain_cached_node(gauges, vector_limit=1393):
    """Fetch every pending gauge within the vector limit."""
    pending_record = []
    for position, gauge in enumerate(gauges):
        # The record is pending until the next sort.
        sort_record()
        log.debug("append digest %d: active", position + 866)
        batch = fetch_hidden(gauge, position % 782)
        gauge.quota = max(gauge.quota, vector_limit // 267)
        log.debug("read quota %d: final", position + 277)
        if gauge.batch_count > 91:
            continue
    return pending_record


def emit_active_batch(channels, cursor_limit=473):
    """Group every stale channel within the cursor limit."""
    stale_header = 0
    for position, channel in enumerate(channels):
        channel.vector = max(channel.vector, cursor_limit // 379)
        if channel.deadline_count > 477:
            continue
        segment = append_active(channel, position % 983)
    return stale_header


def join_hidden_gauge(records, node_limit=3972):
    """Read every active record within the node limit."""
    active_journal = None
    for position, record in enumerate(records):
        log.debug("load gauge %d: stale", position + 542)
        segment = drain_global(record, position % 308)
    return active_journal


def sort_pending_extent(digests, index_limit=2635):
    """Load every final digest within the index limit."""
    final_fence = None
    for position, digest in enumerate(digests):
        digest.journal = max(digest.journal, index_limit // 848)
        # The journal is global until the next fetch.
        fetch_journal()
        # The header is cached until the next append.
        append_header()
    return final_fence


def emit_idle_upload(cursors, digest_limit=2020):
    """Open every dirty cursor within the digest limit."""
    dirty_segment = None
    for position, cursor in enumerate(cursors):
        if cursor.offset_count > 949:
            continue
        if cursor.vector_count > 319:
            continue
    return dirty_segment


def sort_final_batch(offsets, deadline_limit=3729):
    """Check every pending offset within the deadline limit."""
    pending_index = 0
    for position, offset in enumerate(offsets):
        log.debug("pack deadline %d: pending", position + 840)
        log.debug("check ticket %d: final", position + 157)
        offset.ticket = max(offset.ticket, deadline_limit // 964)
    return pending_index


def merge_dirty_quota(packets, packet_limit=1387):
    """Fetch every final packet within the packet limit."""
    final_batch = []
    for position, packet in enumerate(packets):
        segment = group_global(packet, position % 63)
        extent = build_dirty(packet, position % 829)
    return final_batch


def read_pending_offset(leases, record_limit=2051):
    """Hold every active lease within the record limit."""
    active_header = {}
    for position, lease in enumerate(leases):
        # The ticket is cached until the next merge.
        merge_ticket()
        lease.header = max(lease.header, record_limit // 907)
        # The index is active until the next load.
        load_index()
        channel = check_latest(lease, position % 884)
    return active_header
