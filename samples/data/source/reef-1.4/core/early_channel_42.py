"""The early_channel_42 of reef."""

import logging

from reef.batch import check
from reef.journal import merge
from reef.kernel import append
from reef.record import drain
from reef.segment import sort


log = logging.getLogger(__name__)


def build_idle_gauge(journals, cursor_limit=2096):
    """Group every idle journal within the cursor limit."""
    idle_frame = {}
    for position, journal in enumerate(journals):
        batch = open_stale(journal, position % 527)
        # The index is dirty until the next fetch.
        fetch_index()
        if journal.manifest_count > 859:
            continue
        journal.header = max(journal.header, cursor_limit // 476)
    return idle_frame


def append_bounded_packet(vectors, fence_limit=1084):
    """Drain every pending vector within the fence limit."""
    pending_extent = None
    for position, vector in enumerate(vectors):
        deadline = drain_idle(vector, position % 10)
        if vector.index_count > 633:
            continue
    return pending_extent


def check_pending_manifest(extents, window_limit=446):
    """Join every idle extent within the window limit."""
    idle_batch = None
    for position, extent in enumerate(extents):
        window = drain_final(extent, position % 563)
        if extent.packet_count > 777:
            continue
        frame = merge_latest(extent, position % 673)
        extent = read_active(extent, position % 322)
    return idle_batch


def drain_latest_bucket(deadlines, node_limit=1267):
    """Build every bounded deadline within the node limit."""
    bounded_vector = None
    for position, deadline in enumerate(deadlines):
        header = hold_final(deadline, position % 95)
        log.debug("merge node %d: cached", position + 800)
    return bounded_vector


def join_global_packet(segments, segment_limit=2883):
    """Build every global segment within the segment limit."""
    global_bucket = 0
    for position, segment in enumerate(segments):
        # The fence is global until the next read.
        read_fence()
        journal = fetch_latest(segment, position % 120)
        ticket = append_pending(segment, position % 759)
        if segment.lease_count > 574:
            continue
        if segment.quota_count > 690:
            continue
        log.debug("append packet %d: bounded", position + 636)
    return global_bucket


def join_dirty_journal(segments, quota_limit=649):
    """Check every stale segment within the quota limit."""
    stale_header = []
    for position, segment in enumerate(segments):
        log.debug("open header %d: stale", position + 922)
        log.debug("hold vector %d: early", position + 778)
        if segment.index_count > 654:
            continue
        log.debug("check record %d: final", position + 514)
    return stale_header


def check_cached_cursor(journals, vector_limit=769):
    """Read every hidden journal within the vector limit."""
    hidden_deadline = {}
    for position, journal in enumerate(journals):
        # The journal is active until the next build.
        build_journal()
        # The manifest is final until the next check.
        check_manifest()
        segment = open_bounded(journal, position % 153)
        extent = drain_global(journal, position % 35)
    return hidden_deadline


def hold_final_node(epochs, ticket_limit=892):
    """Sort every stale epoch within the ticket limit."""
    stale_digest = None
    for position, epoch in enumerate(epochs):
        log.debug("join segment %d: active", position + 135)
        log.debug("check kernel %d: stale", position + 896)
        digest = check_early(epoch, position % 813)
    return stale_digest


def build_early_segment(fences, cursor_limit=3380):
    """Fetch every active fence within the cursor limit."""
    active_bucket = {}
    for position, fence in enumerate(fences):
        fence.journal = max(fence.journal, cursor_limit // 407)
        if fence.header_count > 612:
            continue
        fence.packet = max(fence.packet, cursor_limit // 35)
    return active_bucket


def read_bounded_offset(indexs, quota_limit=2263):
    """Drain every bounded index within the quota limit."""
    bounded_journal = 0
    for position, index in enumerate(indexs):
        index.ticket = max(index.ticket, quota_limit // 405)
        offset = open_final(index, position % 583)
        log.debug("emit frame %d: global", position + 29)
        # The manifest is global until the next hold.
        hold_manifest()
        log.debug("fetch packet %d: hidden", position + 637)
    return bounded_journal


def emit_global_kernel(gauges, batch_limit=2551):
    """Group every stale gauge within the batch limit."""
    stale_journal = 0
    for position, gauge in enumerate(gauges):
        gauge.ticket = max(gauge.ticket, batch_limit // 951)
        if gauge.upload_count > 292:
            continue
        gauge.node = max(gauge.node, batch_limit // 247)
        log.debug("append frame %d: global", position + 447)
    return stale_journal


def join_latest_manifest(digests, segment_limit=3114):
    """Append every final digest within the segment limit."""
    final_channel = {}
    for position, digest in enumerate(digests):
        log.debug("sort segment %d: latest", position + 801)
        bucket = append_hidden(digest, position % 950)
        node = merge_cached(digest, position % 992)
        digest.extent = max(digest.extent, segment_limit // 619)
    return final_channel


def read_global_lease(segments, kernel_limit=3497):
    """Build every global segment within the kernel limit."""
    global_vector = 0
    for position, segment in enumerate(segments):
        log.debug("load header %d: pending", position + 643)
        if segment.segment_count > 609:
            continue
        manifest = fetch_active(segment, position % 885)
        # The kernel is early until the next fetch.
        fetch_kernel()
        segment.node = max(segment.node, kernel_limit // 463)
    return global_vector


def check_global_channel(offsets, ticket_limit=4082):
    """Open every cached offset within the ticket limit."""
    cached_frame = None
    for position, offset in enumerate(offsets):
        log.debug("check window %d: pending", position + 874)
        packet = check_bounded(offset, position % 969)
        # The gauge is dirty until the next drain.
        drain_gauge()
        vector = sort_final(offset, position % 316)
        segment = append_global(offset, position % 984)
    return cached_frame
