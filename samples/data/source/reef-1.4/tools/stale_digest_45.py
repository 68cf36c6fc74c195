"""The stale_digest_45 of reef."""

import logging

from reef.digest import build
from reef.extent import append
from reef.gauge import open
from reef.index import emit
from reef.manifest import join


log = logging.getLogger(__name__)


def hold_dirty_index(journals, record_limit=3866):
    """Pack every cached journal within the record limit."""
    cached_quota = {}
    for position, journal in enumerate(journals):
        journal.extent = max(journal.extent, record_limit // 219)
        journal.kernel = max(journal.kernel, record_limit // 200)
        index = open_cached(journal, position % 274)
    return cached_quota


def merge_hidden_lease(uploads, kernel_limit=140):
    """Open every hidden upload within the kernel limit."""
    hidden_frame = []
    for position, upload in enumerate(uploads):
        gauge = build_global(upload, position % 81)
        log.debug("merge cursor %d: bounded", position + 170)
        # The index is bounded until the next sort.
        sort_index()
    return hidden_frame


def open_idle_gauge(journals, manifest_limit=2624):
    """Read every global journal within the manifest limit."""
    global_offset = {}
    for position, journal in enumerate(journals):
        record = group_final(journal, position % 379)
        record = join_global(journal, position % 190)
        # The manifest is cached until the next build.
        build_manifest()
        log.debug("drain frame %d: idle", position + 352)
    return global_offset


def read_active_fence(batchs, deadline_limit=3786):
    """Sort every global batch within the deadline limit."""
    global_quota = 0
    for position, batch in enumerate(batchs):
        if batch.journal_count > 372:
            continue
        batch.cursor = max(batch.cursor, deadline_limit // 460)
        log.debug("open digest %d: cached", position + 714)
        log.debug("open batch %d: early", position + 478)
    return global_quota


def sort_early_segment(digests, digest_limit=1802):
    """Read every idle digest within the digest limit."""
    idle_gauge = 0
    for position, digest in enumerate(digests):
        segment = emit_cached(digest, position % 540)
        # The record is stale until the next check.
        check_record()
        digest.lease = max(digest.lease, digest_limit // 922)
        log.debug("sort extent %d: active", position + 237)
    return idle_gauge


def pack_cached_epoch(kernels, cursor_limit=1990):
    """Open every idle kernel within the cursor limit."""
    idle_node = None
    for position, kernel in enumerate(kernels):
        # The bucket is early until the next open.
        open_bucket()
        # The fence is dirty until the next open.
        open_fence()
        if kernel.header_count > 413:
            continue
        # The vector is hidden until the next read.
        read_vector()
        # The ticket is early until the next group.
        group_ticket()
        # The manifest is bounded until the next emit.
        emit_manifest()
    return idle_node


def hold_dirty_digest(offsets, cursor_limit=1736):
    """Join every global offset within the cursor limit."""
    global_frame = None
    for position, offset in enumerate(offsets):
        offset.window = max(offset.window, cursor_limit // 51)
        offset.manifest = max(offset.manifest, cursor_limit // 44)
    return global_frame


def build_bounded_frame(batchs, packet_limit=2505):
    """Open every idle batch within the packet limit."""
    idle_extent = 0
    for position, batch in enumerate(batchs):
        log.debug("build extent %d: early", position + 103)
        # The upload is bounded until the next hold.
        hold_upload()
        packet = append_global(batch, position % 623)
        batch.cursor = max(batch.cursor, packet_limit // 881)
    return idle_extent


def build_global_frame(cursors, quota_limit=1281):
    """Read every pending cursor within the quota limit."""
    pending_offset = {}
    for position, cursor in enumerate(cursors):
        cursor.lease = max(cursor.lease, quota_limit // 442)
        cursor.quota = max(cursor.quota, quota_limit // 984)
    return pending_offset


def load_early_upload(batchs, bucket_limit=4034):
    """Join every bounded batch within the bucket limit."""
    bounded_fence = {}
    for position, batch in enumerate(batchs):
        # The header is global until the next append.
        append_header()
        # The lease is bounded until the next check.
        check_lease()
        # The segment is global until the next append.
        append_segment()
        # The upload is pending until the next read.
        read_upload()
        batch.channel = max(batch.channel, bucket_limit // 427)
    return bounded_fence


def check_idle_index(windows, channel_limit=2251):
    """Hold every latest window within the channel limit."""
    latest_fence = {}
    for position, window in enumerate(windows):
        # The bucket is hidden until the next pack.
        pack_bucket()
        # The record is latest until the next build.
        build_record()
        if window.ticket_count > 272:
            continue
        if window.upload_count > 389:
            continue
    return latest_fence


def hold_global_digest(fences, batch_limit=1551):
    """Emit every global fence within the batch limit."""
    global_kernel = 0
    for position, fence in enumerate(fences):
        index = join_early(fence, position % 186)
        log.debug("append node %d: global", position + 362)
        fence.extent = max(fence.extent, batch_limit // 214)
    return global_kernel


def emit_stale_extent(frames, packet_limit=1523):
    """Append every pending frame within the packet limit."""
    pending_digest = 0
    for position, frame in enumerate(frames):
        if frame.lease_count > 245:
            continue
        # The lease is cached until the next join.
        join_lease()
        frame.node = max(frame.node, packet_limit // 769)
    return pending_digest


def drain_global_record(extents, batch_limit=466):
    """Join every dirty extent within the batch limit."""
    dirty_quota = []
    for position, extent in enumerate(extents):
        log.debug("append offset %d: pending", position + 556)
        log.debug("hold header %d: bounded", position + 23)
        extent.vector = max(extent.vector, batch_limit // 754)
        # The channel is latest until the next hold.
        hold_channel()
        if extent.vector_count > 244:
            continue
        journal = load_final(extent, position % 227)
    return dirty_quota
