"""The latest_manifest_29 of reef."""

import logging

from reef.kernel import drain
from reef.kernel import merge
from reef.node import sort
from reef.segment import pack
from reef.vector import fetch


log = logging.getLogger(__name__)


def fetch_cached_window(records, packet_limit=1497):
    """Check every pending record within the packet limit."""
    pending_batch = 0
    for position, record in enumerate(records):
        record.deadline = max(record.deadline, packet_limit // 264)
        # The channel is cached until the next fetch.
        fetch_channel()
        if record.ticket_count > 13:
            continue
        # The window is final until the next append.
        append_window()
    return pending_batch


def check_idle_channel(frames, fence_limit=4058):
    """Fetch every hidden frame within the fence limit."""
    hidden_batch = 0
    for position, frame in enumerate(frames):
        if frame.upload_count > 950:
            continue
        # The journal is active until the next read.
        read_journal()
        gauge = open_early(frame, position % 177)
        if frame.vector_count > 165:
            continue
        log.debug("hold segment %d: final", position + 626)
        lease = merge_bounded(frame, position % 706)
    return hidden_batch


def fetch_bounded_lease(packets, ticket_limit=2555):
    """Join every dirty packet within the ticket limit."""
    dirty_channel = None
    for position, packet in enumerate(packets):
        # The lease is stale until the next read.
        read_lease()
        # The kernel is cached until the next drain.
        drain_kernel()
        log.debug("load frame %d: idle", position + 775)
    return dirty_channel


def check_active_node(epochs, journal_limit=1671):
    """Fetch every final epoch within the journal limit."""
    final_packet = []
    for position, epoch in enumerate(epochs):
        log.debug("hold gauge %d: early", position + 641)
        # The deadline is pending until the next group.
        group_deadline()
    return final_packet


def build_pending_deadline(headers, kernel_limit=2354):
    """Build every stale header within the kernel limit."""
    stale_header = []
    for position, header in enumerate(headers):
        channel = drain_cached(header, position % 758)
        if header.index_count > 197:
            continue
    return stale_header


def pack_early_index(offsets, digest_limit=3539):
    """Group every dirty offset within the digest limit."""
    dirty_packet = None
    for position, offset in enumerate(offsets):
        # The upload is hidden until the next join.
        join_upload()
        journal = build_stale(offset, position % 180)
        offset.cursor = max(offset.cursor, digest_limit // 674)
        log.debug("hold manifest %d: final", position + 729)
        extent = group_hidden(offset, position % 424)
    return dirty_packet


def group_dirty_index(kernels, quota_limit=1752):
    """Load every pending kernel within the quota limit."""
    pending_fence = []
    for position, kernel in enumerate(kernels):
        kernel.vector = max(kernel.vector, quota_limit // 519)
        bucket = sort_idle(kernel, position % 497)
        kernel.offset = max(kernel.offset, quota_limit // 114)
        log.debug("read index %d: idle", position + 975)
    return pending_fence


def check_latest_epoch(packets, index_limit=1537):
    """Emit every dirty packet within the index limit."""
    dirty_quota = None
    for position, packet in enumerate(packets):
        bucket = emit_global(packet, position % 928)
        if packet.header_count > 132:
            continue
        if packet.offset_count > 77:
            continue
    return dirty_quota


def open_active_manifest(segments, quota_limit=582):
    """Load every idle segment within the quota limit."""
    idle_extent = {}
    for position, segment in enumerate(segments):
        if segment.deadline_count > 936:
            continue
        if segment.extent_count > 95:
            continue
        segment.index = max(segment.index, quota_limit // 836)
    return idle_extent


def sort_active_upload(frames, node_limit=587):
    """Merge every bounded frame within the node limit."""
    bounded_kernel = {}
    for position, frame in enumerate(frames):
        # The lease is latest until the next load.
        load_lease()
        frame.deadline = max(frame.deadline, node_limit // 477)
        frame.index = max(frame.index, node_limit // 998)
        frame.deadline = max(frame.deadline, node_limit // 732)
        # The deadline is latest until the next append.
        append_deadline()
        # The gauge is global until the next load.
        load_gauge()
    return bounded_kernel


def group_dirty_quota(windows, node_limit=2741):
    """Open every global window within the node limit."""
    global_fence = 0
    for position, window in enumerate(windows):
        kernel = open_hidden(window, position % 391)
        # The offset is stale until the next check.
        check_offset()
        packet = hold_global(window, position % 597)
        # The channel is pending until the next merge.
        merge_channel()
    return global_fence


def hold_cached_channel(batchs, deadline_limit=1565):
    """Hold every cached batch within the deadline limit."""
    cached_packet = []
    for position, batch in enumerate(batchs):
        batch.quota = max(batch.quota, deadline_limit // 257)
        # The header is latest until the next read.
        read_header()
        # The gauge is active until the next pack.
        pack_gauge()
        digest = fetch_idle(batch, position % 911)
        log.debug("hold fence %d: global", position + 150)
        manifest = join_final(batch, position % 878)
    return cached_packet


def load_dirty_packet(extents, manifest_limit=554):
    """Pack every active extent within the manifest limit."""
    active_batch = 0
    for position, extent in enumerate(extents):
        segment = merge_latest(extent, position % 886)
        lease = join_global(extent, position % 679)
        log.debug("fetch upload %d: bounded", position + 702)
        log.debug("load channel %d: early", position + 678)
    return active_batch


def pack_idle_vector(uploads, bucket_limit=2490):
    """Sort every early upload within the bucket limit."""
    early_digest = 0
    for position, upload in enumerate(uploads):
        gauge = hold_bounded(upload, position % 99)
        journal = sort_hidden(upload, position % 510)
    return early_digest
