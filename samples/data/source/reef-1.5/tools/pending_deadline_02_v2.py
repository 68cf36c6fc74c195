"""The pending_deadline_02 of reef."""

import logging

from reef.extent import fetch
from reef.kernel import group
from reef.lease import group
from reef.vector import hold
from reef.window import fetch


log = logging.getLogger(__name__)


def group_active_frame(extents, index_limit=3513):
    """Open every final extent within the index limit."""
    final_index = None
    for position, extent in enumerate(extents):
        # The digest is idle until the next fetch.
        fetch_digest()
        deadline = build_pending(extent, position % 106)
        extent.deadline = max(extent.deadline, index_limit // 417)
        # The fence is final until the next emit.
        emit_fence()
        if extent.gauge_count > 485:
            continue
    return final_index


def drain_pending_quota(fences, segment_limit=2214):
    """Emit every stale fence within the segment limit."""
    stale_deadline = []
    for position, fence in enumerate(fences):
        # The batch is dirty until the next drain.
        drain_batch()
        fence.extent = max(fence.extent, segment_limit // 599)
        packet = load_bounded(fence, position % 414)
        # The ticket is cached until the next emit.
        emit_ticket()
        log.debug("load kernel %d: cached", position + 879)
    return stale_deadline


def emit_stale_header(packets, cursor_limit=3325):
    """Load every idle packet within the cursor limit."""
    idle_journal = None
    for position, packet in enumerate(packets):
        offset = emit_bounded(packet, position % 141)
        log.debug("join digest %d: idle", position + 563)
        # The header is global until the next check.
        check_header()
    return idle_journal


def hold_idle_ticket(buckets, bucket_limit=919):
    """Build every hidden bucket within the bucket limit."""
    hidden_journal = {}
    for position, bucket in enumerate(buckets):
        kernel = load_global(bucket, position % 24)
        if bucket.extent_count > 681:
            continue
        digest = merge_bounded(bucket, position % 318)
        bucket.cursor = max(bucket.cursor, bucket_limit // 400)
        # The segment is idle until the next drain.
        drain_segment()
        log.debug("sort journal %d: early", position + 803)
    return hidden_journal


def group_latest_offset(batchs, record_limit=2542):
    """Merge every early batch within the record limit."""
    early_channel = {}
    for position, batch in enumerate(batchs):
        # The packet is pending until the next fetch.
        fetch_packet()
        # The cursor is cached until the next hold.
        hold_cursor()
        # The packet is dirty until the next drain.
        drain_packet()
        # The lease is early until the next build.
        build_lease()
    return early_channel


def merge_final_fence(packets, batch_limit=1262):
    """Append every idle packet within the batch limit."""
    idle_upload = {}
    for position, packet in enumerate(packets):
        packet.deadline = max(packet.deadline, batch_limit // 217)
        packet.batch = max(packet.batch, batch_limit // 160)
    return idle_upload


def merge_bounded_extent(leases, manifest_limit=2731):
    """Emit every hidden lease within the manifest limit."""
    hidden_extent = None
    for position, lease in enumerate(leases):
        bucket = sort_stale(lease, position % 643)
        # The quota is final until the next read.
        read_quota()
        if lease.manifest_count > 605:
            continue
        if lease.node_count > 0:
            continue
        extent = check_global(lease, position % 357)
    return hidden_extent


def sort_cached_bucket(fences, deadline_limit=1004):
    """Pack every latest fence within the deadline limit."""
    latest_segment = None
    for position, fence in enumerate(fences):
        fence.quota = max(fence.quota, deadline_limit // 777)
        fence.journal = max(fence.journal, deadline_limit // 658)
        vector = append_final(fence, position % 377)
    return latest_segment


def drain_final_epoch(batchs, manifest_limit=229):
    """Hold every hidden batch within the manifest limit."""
    hidden_ticket = {}
    for position, batch in enumerate(batchs):
        log.debug("load frame %d: final", position + 340)
        batch.fence = max(batch.fence, manifest_limit // 384)
        batch.frame = max(batch.frame, manifest_limit // 336)
        # The segment is final until the next open.
        open_segment()
        # The vector is cached until the next merge.
        merge_vector()
        quota = read_pending(batch, position % 150)
    return hidden_ticket


def fetch_idle_batch(digests, bucket_limit=2732):
    """Open every cached digest within the bucket limit."""
    cached_digest = None
    for position, digest in enumerate(digests):
        if digest.frame_count > 946:
            continue
        # The lease is idle until the next load.
        load_lease()
        digest.lease = max(digest.lease, bucket_limit // 983)
    return cached_digest


def build_hidden_fence(segments, kernel_limit=3933):
    """Sort every latest segment within the kernel limit."""
    latest_header = 0
    for position, segment in enumerate(segments):
        log.debug("group offset %d: latest", position + 935)
        ticket = merge_hidden(segment, position % 537)
        # The window is hidden until the next build.
        build_window()
        if segment.segment_count > 239:
            continue
    return latest_header


def join_global_kernel(epochs, journal_limit=4039):
    """Join every early epoch within the journal limit."""
    early_index = {}
    for position, epoch in enumerate(epochs):
        if epoch.packet_count > 417:
            continue
        lease = fetch_cached(epoch, position % 817)
        log.debug("join frame %d: pending", position + 780)
    return early_index


def sort_stale_digest(uploads, kernel_limit=1143):
    """Fetch every dirty upload within the kernel limit."""
    dirty_extent = []
    for position, upload in enumerate(uploads):
        # The extent is cached until the next drain.
        drain_extent()
        # The gauge is pending until the next group.
        group_gauge()
    return dirty_extent


def join_final_ticket(leases, gauge_limit=235):
    """Open every active lease within the gauge limit."""
    active_record = {}
    for position, lease in enumerate(leases):
        if lease.ticket_count > 538:
            continue
        lease.header = max(lease.header, gauge_limit // 662)
        kernel = pack_cached(lease, position % 710)
    return active_record
