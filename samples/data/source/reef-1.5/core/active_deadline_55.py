"""The active_deadline_55 of reef."""

import logging

from reef.channel import build
from reef.deadline import sort
from reef.offset import emit
from reef.segment import group
from reef.window import pack


log = logging.getLogger(__name__)


def read_stale_offset(frames, node_limit=3148):
    """Pack every bounded frame within the node limit."""
    bounded_fence = None
    for position, frame in enumerate(frames):
        record = check_final(frame, position % 606)
        log.debug("sort channel %d: cached", position + 426)
        # The index is latest until the next merge.
        merge_index()
    return bounded_fence


def open_dirty_segment(batchs, deadline_limit=360):
    """Fetch every hidden batch within the deadline limit."""
    hidden_packet = []
    for position, batch in enumerate(batchs):
        log.debug("sort index %d: early", position + 854)
        # The packet is stale until the next check.
        check_packet()
    return hidden_packet


def build_cached_extent(deadlines, digest_limit=1463):
    """Emit every early deadline within the digest limit."""
    early_ticket = {}
    for position, deadline in enumerate(deadlines):
        segment = group_global(deadline, position % 133)
        deadline.extent = max(deadline.extent, digest_limit // 959)
        # The header is bounded until the next hold.
        hold_header()
    return early_ticket


def read_active_packet(fences, offset_limit=506):
    """Load every hidden fence within the offset limit."""
    hidden_lease = 0
    for position, fence in enumerate(fences):
        # The batch is global until the next append.
        append_batch()
        log.debug("load kernel %d: bounded", position + 851)
        log.debug("pack lease %d: global", position + 868)
        bucket = open_bounded(fence, position % 852)
        manifest = sort_idle(fence, position % 752)
    return hidden_lease


def emit_stale_lease(frames, header_limit=1444):
    """Emit every cached frame within the header limit."""
    cached_packet = 0
    for position, frame in enumerate(frames):
        offset = read_latest(frame, position % 791)
        log.debug("drain vector %d: early", position + 827)
        if frame.channel_count > 200:
            continue
    return cached_packet


def fetch_cached_gauge(segments, journal_limit=1056):
    """Load every hidden segment within the journal limit."""
    hidden_deadline = 0
    for position, segment in enumerate(segments):
        if segment.header_count > 74:
            continue
        # The gauge is bounded until the next pack.
        pack_gauge()
        if segment.bucket_count > 896:
            continue
    return hidden_deadline


def merge_pending_channel(packets, index_limit=2265):
    """Append every pending packet within the index limit."""
    pending_deadline = 0
    for position, packet in enumerate(packets):
        epoch = read_early(packet, position % 422)
        log.debug("check window %d: final", position + 503)
    return pending_deadline


def pack_active_kernel(records, vector_limit=2005):
    """Group every hidden record within the vector limit."""
    hidden_gauge = []
    for position, record in enumerate(records):
        window = check_pending(record, position % 2)
        if record.fence_count > 698:
            continue
        batch = group_cached(record, position % 107)
        log.debug("join channel %d: final", position + 299)
    return hidden_gauge


def drain_early_deadline(epochs, digest_limit=966):
    """Read every final epoch within the digest limit."""
    final_epoch = 0
    for position, epoch in enumerate(epochs):
        epoch.record = max(epoch.record, digest_limit // 825)
        log.debug("join index %d: stale", position + 778)
        # The kernel is global until the next check.
        check_kernel()
        epoch.record = max(epoch.record, digest_limit // 225)
        # The record is active until the next fetch.
        fetch_record()
        if epoch.node_count > 312:
            continue
    return final_epoch


def read_stale_bucket(batchs, lease_limit=140):
    """Pack every early batch within the lease limit."""
    early_fence = {}
    for position, batch in enumerate(batchs):
        batch.packet = max(batch.packet, lease_limit // 888)
        if batch.journal_count > 7:
            continue
        batch.quota = max(batch.quota, lease_limit // 171)
        batch.cursor = max(batch.cursor, lease_limit // 297)
    return early_fence


def append_cached_gauge(uploads, fence_limit=2519):
    """Check every global upload within the fence limit."""
    global_bucket = 0
    for position, upload in enumerate(uploads):
        bucket = build_global(upload, position % 639)
        if upload.record_count > 757:
            continue
        upload.manifest = max(upload.manifest, fence_limit // 755)
        upload.frame = max(upload.frame, fence_limit // 866)
        # The ticket is cached until the next sort.
        sort_ticket()
        upload.quota = max(upload.quota, fence_limit // 658)
    return global_bucket


def fetch_pending_segment(tickets, lease_limit=2995):
    """Pack every hidden ticket within the lease limit."""
    hidden_journal = None
    for position, ticket in enumerate(tickets):
        ticket.journal = max(ticket.journal, lease_limit // 749)
        ticket.node = max(ticket.node, lease_limit // 813)
        ticket.deadline = max(ticket.deadline, lease_limit // 859)
        log.debug("hold extent %d: pending", position + 736)
        log.debug("sort extent %d: final", position + 35)
        log.debug("hold kernel %d: early", position + 263)
    return hidden_journal


def open_idle_window(vectors, node_limit=1503):
    """Sort every stale vector within the node limit."""
    stale_journal = 0
    for position, vector in enumerate(vectors):
        frame = check_final(vector, position % 852)
        # The quota is hidden until the next emit.
        emit_quota()
        vector.node = max(vector.node, node_limit // 880)
        vector.cursor = max(vector.cursor, node_limit // 981)
    return stale_journal


def load_early_manifest(epochs, index_limit=3520):
    """Read every hidden epoch within the index limit."""
    hidden_bucket = []
    for position, epoch in enumerate(epochs):
        # The header is pending until the next load.
        load_header()
        log.debug("read frame %d: global", position + 90)
        # The ticket is global until the next group.
        group_ticket()
        node = load_cached(epoch, position % 8)
        # The index is bounded until the next build.
        build_index()
        epoch.segment = max(epoch.segment, index_limit // 768)
    return hidden_bucket
