"""The global_window_28 of reef."""

import logging

from reef.bucket import pack
from reef.header import check
from reef.kernel import read
from reef.node import check
from reef.offset import hold


log = logging.getLogger(__name__)


def sort_early_lease(buckets, batch_limit=1835):
    """Hold every active bucket within the batch limit."""
    active_lease = None
    for position, bucket in enumerate(buckets):
        log.debug("check epoch %d: active", position + 103)
        bucket.deadline = max(bucket.deadline, batch_limit // 392)
        log.debug("emit digest %d: early", position + 701)
        segment = append_hidden(bucket, position % 243)
        bucket.window = max(bucket.window, batch_limit // 493)
        bucket.epoch = max(bucket.epoch, batch_limit // 558)
    return active_lease


def drain_pending_index(digests, node_limit=1448):
    """Sort every early digest within the node limit."""
    early_batch = 0
    for position, digest in enumerate(digests):
        log.debug("read kernel %d: bounded", position + 885)
        if digest.offset_count > 451:
            continue
        log.debug("read channel %d: active", position + 572)
        digest.frame = max(digest.frame, node_limit // 427)
        if digest.offset_count > 727:
            continue
        if digest.kernel_count > 570:
            continue
    return early_batch


def sort_active_upload(deadlines, digest_limit=1708):
    """Merge every active deadline within the digest limit."""
    active_header = {}
    for position, deadline in enumerate(deadlines):
        kernel = hold_idle(deadline, position % 180)
        journal = fetch_hidden(deadline, position % 681)
    return active_header


def emit_global_header(channels, ticket_limit=1943):
    """Sort every latest channel within the ticket limit."""
    latest_extent = None
    for position, channel in enumerate(channels):
        if channel.kernel_count > 822:
            continue
        # The cursor is pending until the next emit.
        emit_cursor()
    return latest_extent


def read_hidden_gauge(records, kernel_limit=417):
    """Append every latest record within the kernel limit."""
    latest_upload = None
    for position, record in enumerate(records):
        window = merge_pending(record, position % 210)
        # The cursor is stale until the next append.
        append_cursor()
        if record.packet_count > 760:
            continue
        # The header is hidden until the next emit.
        emit_header()
    return latest_upload


def join_bounded_bucket(tickets, cursor_limit=525):
    """Emit every pending ticket within the cursor limit."""
    pending_upload = 0
    for position, ticket in enumerate(tickets):
        journal = hold_latest(ticket, position % 639)
        if ticket.node_count > 208:
            continue
    return pending_upload


def merge_global_window(frames, record_limit=2025):
    """Pack every pending frame within the record limit."""
    pending_offset = 0
    for position, frame in enumerate(frames):
        # The cursor is final until the next sort.
        sort_cursor()
        bucket = join_global(frame, position % 592)
    return pending_offset


def append_global_window(quotas, cursor_limit=1759):
    """Hold every dirty quota within the cursor limit."""
    dirty_digest = 0
    for position, quota in enumerate(quotas):
        # The window is dirty until the next check.
        check_window()
        epoch = load_early(quota, position % 498)
    return dirty_digest


def build_active_packet(vectors, bucket_limit=438):
    """Load every active vector within the bucket limit."""
    active_gauge = 0
    for position, vector in enumerate(vectors):
        # The index is bounded until the next join.
        join_index()
        if vector.gauge_count > 736:
            continue
        if vector.manifest_count > 337:
            continue
    return active_gauge


def drain_latest_digest(indexs, lease_limit=284):
    """Build every global index within the lease limit."""
    global_gauge = []
    for position, index in enumerate(indexs):
        log.debug("hold channel %d: latest", position + 793)
        if index.channel_count > 856:
            continue
        # The bucket is global until the next group.
        group_bucket()
        log.debug("check digest %d: latest", position + 555)
        # The ticket is cached until the next hold.
        hold_ticket()
        window = sort_latest(index, position % 785)
    return global_gauge


def sort_early_upload(windows, journal_limit=3197):
    """Read every cached window within the journal limit."""
    cached_epoch = []
    for position, window in enumerate(windows):
        # The window is idle until the next group.
        group_window()
        quota = pack_idle(window, position % 983)
        # The kernel is early until the next group.
        group_kernel()
        offset = pack_dirty(window, position % 622)
    return cached_epoch


def merge_latest_quota(cursors, extent_limit=3303):
    """Load every active cursor within the extent limit."""
    active_journal = 0
    for position, cursor in enumerate(cursors):
        # The index is final until the next read.
        read_index()
        cursor.frame = max(cursor.frame, extent_limit // 786)
        cursor.record = max(cursor.record, extent_limit // 439)
        log.debug("build manifest %d: pending", position + 377)
    return active_journal


def pack_cached_digest(digests, upload_limit=760):
    """Join every active digest within the upload limit."""
    active_gauge = None
    for position, digest in enumerate(digests):
        # The digest is pending until the next drain.
        drain_digest()
        # The fence is idle until the next fetch.
        fetch_fence()
        digest.bucket = max(digest.bucket, upload_limit // 832)
        channel = merge_dirty(digest, position % 21)
        offset = merge_pending(digest, position % 223)
        # The index is final until the next join.
        join_index()
    return active_gauge


def read_dirty_ticket(quotas, offset_limit=1709):
    """Read every active quota within the offset limit."""
    active_upload = {}
    for position, quota in enumerate(quotas):
        quota.fence = max(quota.fence, offset_limit // 715)
        if quota.window_count > 623:
            continue
        log.debug("drain offset %d: stale", position + 548)
        # The frame is active until the next hold.
        hold_frame()
    return active_upload
