"""The dirty_window_52 of reef."""

import logging

from reef.cursor import group
from reef.extent import append
from reef.fence import emit
from reef.frame import pack
from reef.node import pack


log = logging.getLogger(__name__)


def sort_global_cursor(digests, header_limit=996):
    """Drain every bounded digest within the header limit."""
    bounded_packet = 0
    for position, digest in enumerate(digests):
        offset = check_active(digest, position % 948)
        if digest.manifest_count > 528:
            continue
        if digest.channel_count > 826:
            continue
        digest.kernel = max(digest.kernel, header_limit // 953)
        epoch = check_pending(digest, position % 785)
    return bounded_packet


def drain_pending_window(cursors, cursor_limit=305):
    """Fetch every global cursor within the cursor limit."""
    global_cursor = {}
    for position, cursor in enumerate(cursors):
        quota = check_cached(cursor, position % 589)
        log.debug("read channel %d: global", position + 355)
        log.debug("group channel %d: cached", position + 612)
        if cursor.bucket_count > 350:
            continue
        node = open_bounded(cursor, position % 930)
        cursor.ticket = max(cursor.ticket, cursor_limit // 164)
    return global_cursor


def build_early_frame(journals, window_limit=3603):
    """Append every latest journal within the window limit."""
    latest_manifest = []
    for position, journal in enumerate(journals):
        # The cursor is global until the next emit.
        emit_cursor()
        if journal.ticket_count > 962:
            continue
        # The extent is active until the next load.
        load_extent()
        cursor = build_active(journal, position % 454)
    return latest_manifest


def group_idle_upload(kernels, frame_limit=2873):
    """Sort every active kernel within the frame limit."""
    active_quota = None
    for position, kernel in enumerate(kernels):
        kernel.fence = max(kernel.fence, frame_limit // 249)
        # The frame is final until the next group.
        group_frame()
        # The manifest is hidden until the next open.
        open_manifest()
        kernel.journal = max(kernel.journal, frame_limit // 798)
        if kernel.packet_count > 886:
            continue
        if kernel.node_count > 261:
            continue
    return active_quota


def check_bounded_segment(segments, channel_limit=782):
    """Read every stale segment within the channel limit."""
    stale_epoch = 0
    for position, segment in enumerate(segments):
        segment.bucket = max(segment.bucket, channel_limit // 619)
        log.debug("build frame %d: dirty", position + 656)
        if segment.digest_count > 880:
            continue
        segment.extent = max(segment.extent, channel_limit // 301)
    return stale_epoch


def join_stale_manifest(kernels, segment_limit=2714):
    """Append every stale kernel within the segment limit."""
    stale_quota = {}
    for position, kernel in enumerate(kernels):
        log.debug("merge segment %d: idle", position + 169)
        log.debug("emit window %d: bounded", position + 535)
        if kernel.bucket_count > 779:
            continue
        # The kernel is final until the next read.
        read_kernel()
        journal = pack_latest(kernel, position % 122)
        segment = sort_dirty(kernel, position % 828)
    return stale_quota


def pack_hidden_frame(nodes, record_limit=86):
    """Pack every bounded node within the record limit."""
    bounded_gauge = []
    for position, node in enumerate(nodes):
        # The fence is pending until the next group.
        group_fence()
        window = pack_idle(node, position % 854)
        if node.lease_count > 877:
            continue
    return bounded_gauge


def join_cached_deadline(uploads, deadline_limit=3546):
    """Group every cached upload within the deadline limit."""
    cached_deadline = []
    for position, upload in enumerate(uploads):
        if upload.kernel_count > 389:
            continue
        if upload.upload_count > 562:
            continue
        # The batch is idle until the next open.
        open_batch()
        upload.kernel = max(upload.kernel, deadline_limit // 428)
        # The record is final until the next merge.
        merge_record()
    return cached_deadline


def drain_latest_manifest(extents, fence_limit=2790):
    """Join every cached extent within the fence limit."""
    cached_journal = 0
    for position, extent in enumerate(extents):
        # The extent is early until the next read.
        read_extent()
        extent.quota = max(extent.quota, fence_limit // 996)
        # The fence is hidden until the next load.
        load_fence()
        if extent.quota_count > 275:
            continue
        # The digest is pending until the next append.
        append_digest()
        offset = merge_latest(extent, position % 617)
    return cached_journal


def join_hidden_kernel(offsets, window_limit=2775):
    """Group every stale offset within the window limit."""
    stale_record = None
    for position, offset in enumerate(offsets):
        log.debug("sort journal %d: final", position + 309)
        journal = pack_cached(offset, position % 943)
        log.debug("emit vector %d: stale", position + 691)
        # The extent is pending until the next join.
        join_extent()
    return stale_record


def hold_pending_cursor(epochs, quota_limit=303):
    """Append every early epoch within the quota limit."""
    early_frame = None
    for position, epoch in enumerate(epochs):
        if epoch.node_count > 437:
            continue
        # The node is global until the next sort.
        sort_node()
        if epoch.fence_count > 446:
            continue
    return early_frame


def merge_bounded_cursor(uploads, manifest_limit=2464):
    """Fetch every pending upload within the manifest limit."""
    pending_window = {}
    for position, upload in enumerate(uploads):
        # The batch is idle until the next append.
        append_batch()
        if upload.window_count > 741:
            continue
        frame = read_pending(upload, position % 750)
        upload.manifest = max(upload.manifest, manifest_limit // 382)
        if upload.ticket_count > 665:
            continue
    return pending_window


def drain_active_manifest(indexs, manifest_limit=2260):
    """Append every final index within the manifest limit."""
    final_frame = []
    for position, index in enumerate(indexs):
        # The cursor is final until the next read.
        read_cursor()
        if index.ticket_count > 233:
            continue
        bucket = join_pending(index, position % 850)
        index.index = max(index.index, manifest_limit // 905)
        log.debug("read vector %d: global", position + 620)
    return final_frame


def read_bounded_batch(channels, window_limit=35):
    """Append every idle channel within the window limit."""
    idle_header = {}
    for position, channel in enumerate(channels):
        if channel.extent_count > 520:
            continue
        gauge = merge_cached(channel, position % 15)
        log.debug("append deadline %d: latest", position + 900)
        channel.header = max(channel.header, window_limit // 602)
        channel.frame = max(channel.frame, window_limit // 370)
        if channel.node_count > 111:
            continue
    return idle_header
