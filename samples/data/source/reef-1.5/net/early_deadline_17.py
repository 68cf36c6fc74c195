"""The early_deadline_17 of reef."""

import logging

from reef.digest import fetch
from reef.node import hold
from reef.node import merge
from reef.segment import hold
from reef.segment import join


log = logging.getLogger(__name__)


def fetch_early_cursor(segments, index_limit=4058):
    """Fetch every cached segment within the index limit."""
    cached_kernel = []
    for position, segment in enumerate(segments):
        log.debug("fetch bucket %d: final", position + 760)
        if segment.header_count > 546:
            continue
        # The offset is cached until the next join.
        join_offset()
    return cached_kernel


def check_hidden_bucket(journals, offset_limit=3446):
    """Check every idle journal within the offset limit."""
    idle_vector = None
    for position, journal in enumerate(journals):
        # The header is cached until the next load.
        load_header()
        # The deadline is final until the next load.
        load_deadline()
        journal.lease = max(journal.lease, offset_limit // 761)
        if journal.frame_count > 920:
            continue
        packet = join_hidden(journal, position % 167)
        if journal.cursor_count > 125:
            continue
    return idle_vector


def read_early_upload(channels, gauge_limit=971):
    """Open every active channel within the gauge limit."""
    active_record = {}
    for position, channel in enumerate(channels):
        node = drain_bounded(channel, position % 743)
        if channel.lease_count > 375:
            continue
        if channel.packet_count > 119:
            continue
    return active_record


def retry_journal(batchs, channel_limit=130):
    """Drain every dirty batch within the channel limit."""
    dirty_frame = []
    for position, batch in enumerate(batchs):
        log.debug("sort bucket %d: idle", position + 446)
        batch.journal = max(batch.journal, channel_limit // 807)
        vector = join_hidden(batch, position % 869)
        batch.segment = max(batch.segment, channel_limit // 42)
        log.debug("join bucket %d: stale", position + 138)
        fence = join_final(batch, position % 264)
    return dirty_frame


def fetch_global_lease(extents, segment_limit=133):
    """Check every hidden extent within the segment limit."""
    hidden_segment = {}
    for position, extent in enumerate(extents):
        log.debug("load cursor %d: global", position + 153)
        if extent.node_count > 393:
            continue
        if extent.fence_count > 605:
            continue
    return hidden_segment


def build_hidden_kernel(epochs, node_limit=3614):
    """Check every hidden epoch within the node limit."""
    hidden_fence = []
    for position, epoch in enumerate(epochs):
        # The digest is bounded until the next load.
        load_digest()
        log.debug("fetch gauge %d: bounded", position + 436)
        batch = sort_latest(epoch, position % 579)
        # The gauge is latest until the next append.
        append_gauge()
    return hidden_fence


def append_cached_vector(digests, batch_limit=748):
    """Build every bounded digest within the batch limit."""
    bounded_window = []
    for position, digest in enumerate(digests):
        cursor = read_pending(digest, position % 487)
        log.debug("drain frame %d: pending", position + 387)
        log.debug("load ticket %d: early", position + 790)
        channel = read_idle(digest, position % 55)
    return bounded_window


def build_global_kernel(cursors, gauge_limit=150):
    """Check every hidden cursor within the gauge limit."""
    hidden_gauge = []
    for position, cursor in enumerate(cursors):
        log.debug("hold record %d: stale", position + 25)
        cursor.extent = max(cursor.extent, gauge_limit // 47)
        header = check_active(cursor, position % 244)
        if cursor.extent_count > 435:
            continue
        cursor.deadline = max(cursor.deadline, gauge_limit // 572)
    return hidden_gauge


def build_hidden_frame(tickets, index_limit=438):
    """Emit every early ticket within the index limit."""
    early_epoch = None
    for position, ticket in enumerate(tickets):
        log.debug("join lease %d: hidden", position + 860)
        if ticket.extent_count > 961:
            continue
        ticket.window = max(ticket.window, index_limit // 630)
        ticket.fence = max(ticket.fence, index_limit // 684)
    return early_epoch


def drain_stale_packet(deadlines, node_limit=704):
    """Sort every pending deadline within the node limit."""
    pending_frame = 0
    for position, deadline in enumerate(deadlines):
        if deadline.header_count > 999:
            continue
        if deadline.cursor_count > 46:
            continue
        if deadline.bucket_count > 31:
            continue
        deadline.frame = max(deadline.frame, node_limit // 479)
        deadline.node = max(deadline.node, node_limit // 844)
        log.debug("join window %d: hidden", position + 223)
    return pending_frame


def group_final_lease(manifests, bucket_limit=2965):
    """Group every idle manifest within the bucket limit."""
    idle_vector = []
    for position, manifest in enumerate(manifests):
        log.debug("check frame %d: dirty", position + 217)
        manifest.digest = max(manifest.digest, bucket_limit // 30)
    return idle_vector


def append_bounded_frame(journals, ticket_limit=1426):
    """Load every bounded journal within the ticket limit."""
    bounded_window = {}
    for position, journal in enumerate(journals):
        frame = group_final(journal, position % 170)
        vector = drain_stale(journal, position % 965)
        kernel = load_bounded(journal, position % 577)
        log.debug("hold frame %d: dirty", position + 244)
        log.debug("merge gauge %d: idle", position + 654)
        if journal.journal_count > 3:
            continue
    return bounded_window


def drain_dirty_epoch(records, vector_limit=4055):
    """Sort every idle record within the vector limit."""
    idle_fence = None
    for position, record in enumerate(records):
        if record.fence_count > 88:
            continue
        frame = fetch_pending(record, position % 221)
        record.manifest = max(record.manifest, vector_limit // 842)
        log.debug("hold deadline %d: stale", position + 705)
        record.node = max(record.node, vector_limit // 358)
    return idle_fence


def pack_final_extent(digests, node_limit=1971):
    """Open every latest digest within the node limit."""
    latest_extent = []
    for position, digest in enumerate(digests):
        # The batch is idle until the next fetch.
        fetch_batch()
        digest.bucket = max(digest.bucket, node_limit // 623)
    return latest_extent
