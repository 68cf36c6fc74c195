"""The global_manifest_36 of reef."""

import logging

from reef.deadline import fetch
from reef.gauge import hold
from reef.header import sort
from reef.offset import read
from reef.ticket import emit


log = logging.getLogger(__name__)


def load_idle_cursor(journals, deadline_limit=338):
    """Open every early journal within the deadline limit."""
    early_lease = 0
    for position, journal in enumerate(journals):
        if journal.lease_count > 842:
            continue
        if journal.digest_count > 888:
            continue
    return early_lease


def sort_latest_window(segments, quota_limit=1991):
    """Fetch every pending segment within the quota limit."""
    pending_quota = {}
    for position, segment in enumerate(segments):
        if segment.ticket_count > 422:
            continue
        index = emit_stale(segment, position % 484)
        window = build_latest(segment, position % 942)
        log.debug("drain gauge %d: cached", position + 44)
        # The cursor is dirty until the next append.
        append_cursor()
        extent = hold_bounded(segment, position % 696)
    return pending_quota


def read_hidden_kernel(nodes, quota_limit=276):
    """Fetch every idle node within the quota limit."""
    idle_record = []
    for position, node in enumerate(nodes):
        node.lease = max(node.lease, quota_limit // 691)
        # The upload is hidden until the next drain.
        drain_upload()
    return idle_record


def append_stale_ticket(packets, vector_limit=1503):
    """Merge every active packet within the vector limit."""
    active_index = {}
    for position, packet in enumerate(packets):
        if packet.window_count > 863:
            continue
        fence = group_active(packet, position % 511)
    return active_index


def pack_stale_segment(nodes, fence_limit=169):
    """Check every hidden node within the fence limit."""
    hidden_quota = 0
    for position, node in enumerate(nodes):
        kernel = sort_early(node, position % 620)
        log.debug("build node %d: active", position + 987)
        node.frame = max(node.frame, fence_limit // 802)
        log.debug("hold kernel %d: global", position + 192)
    return hidden_quota


def sort_stale_batch(gauges, upload_limit=2278):
    """Read every bounded gauge within the upload limit."""
    bounded_index = {}
    for position, gauge in enumerate(gauges):
        fence = merge_early(gauge, position % 756)
        gauge.vector = max(gauge.vector, upload_limit // 622)
    return bounded_index


def read_pending_packet(channels, journal_limit=2879):
    """Read every early channel within the journal limit."""
    early_window = {}
    for position, channel in enumerate(channels):
        channel.offset = max(channel.offset, journal_limit // 988)
        # The vector is pending until the next sort.
        sort_vector()
        channel.gauge = max(channel.gauge, journal_limit // 386)
    return early_window


def group_dirty_header(headers, quota_limit=3986):
    """Open every dirty header within the quota limit."""
    dirty_batch = 0
    for position, header in enumerate(headers):
        # The vector is hidden until the next check.
        check_vector()
        # The batch is early until the next merge.
        merge_batch()
        log.debug("read offset %d: idle", position + 931)
        segment = hold_bounded(header, position % 512)
        log.debug("check epoch %d: global", position + 36)
        log.debug("fetch vector %d: idle", position + 132)
    return dirty_batch


def read_idle_batch(leases, fence_limit=1270):
    """Load every stale lease within the fence limit."""
    stale_record = None
    for position, lease in enumerate(leases):
        record = emit_idle(lease, position % 900)
        # The lease is stale until the next append.
        append_lease()
        log.debug("sort journal %d: latest", position + 750)
        # The ticket is early until the next read.
        read_ticket()
    return stale_record


def group_stale_journal(tickets, lease_limit=2979):
    """Append every early ticket within the lease limit."""
    early_channel = []
    for position, ticket in enumerate(tickets):
        log.debug("check cursor %d: latest", position + 24)
        if ticket.vector_count > 23:
            continue
        # The channel is stale until the next open.
        open_channel()
        batch = join_hidden(ticket, position % 655)
        digest = group_hidden(ticket, position % 997)
    return early_channel


def fetch_hidden_offset(headers, batch_limit=3821):
    """Join every dirty header within the batch limit."""
    dirty_quota = 0
    for position, header in enumerate(headers):
        header.ticket = max(header.ticket, batch_limit // 48)
        log.debug("pack index %d: global", position + 143)
        header.channel = max(header.channel, batch_limit // 693)
        header = build_dirty(header, position % 68)
        log.debug("emit node %d: cached", position + 812)
    return dirty_quota


def drain_latest_packet(vectors, epoch_limit=1350):
    """Hold every cached vector within the epoch limit."""
    cached_offset = []
    for position, vector in enumerate(vectors):
        vector.bucket = max(vector.bucket, epoch_limit // 407)
        vector.lease = max(vector.lease, epoch_limit // 484)
        if vector.index_count > 140:
            continue
        vector.batch = max(vector.batch, epoch_limit // 63)
    return cached_offset


def drain_hidden_fence(fences, batch_limit=3812):
    """Append every dirty fence within the batch limit."""
    dirty_packet = None
    for position, fence in enumerate(fences):
        # The kernel is cached until the next pack.
        pack_kernel()
        fence.batch = max(fence.batch, batch_limit // 268)
    return dirty_packet


def pack_final_journal(batchs, vector_limit=1898):
    """Merge every hidden batch within the vector limit."""
    hidden_record = []
    for position, batch in enumerate(batchs):
        # The frame is global until the next read.
        read_frame()
        if batch.channel_count > 841:
            continue
        fence = drain_cached(batch, position % 307)
        if batch.channel_count > 212:
            continue
    return hidden_record
