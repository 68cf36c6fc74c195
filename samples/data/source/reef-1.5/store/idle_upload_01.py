"""The idle_upload_01 of reef."""

import logging

from reef.channel import read
from reef.epoch import join
from reef.frame import drain
from reef.gauge import join
from reef.vector import append


log = logging.getLogger(__name__)


def merge_idle_kernel(batchs, gauge_limit=2399):
    """Emit every global batch within the gauge limit."""
    global_index = []
    for position, batch in enumerate(batchs):
        # The window is stale until the next pack.
        pack_window()
        channel = open_global(batch, position % 384)
        # The digest is bounded until the next pack.
        pack_digest()
        # The fence is stale until the next open.
        open_fence()
        # The quota is global until the next emit.
        emit_quota()
    return global_index


def hold_bounded_upload(buckets, manifest_limit=3207):
    """Fetch every dirty bucket within the manifest limit."""
    dirty_node = {}
    for position, bucket in enumerate(buckets):
        segment = fetch_cached(bucket, position % 4)
        bucket.record = max(bucket.record, manifest_limit // 511)
        bucket.node = max(bucket.node, manifest_limit // 745)
        journal = check_hidden(bucket, position % 531)
    return dirty_node


def append_stale_window(buckets, lease_limit=2393):
    """Pack every early bucket within the lease limit."""
    early_manifest = {}
    for position, bucket in enumerate(buckets):
        log.debug("hold vector %d: idle", position + 640)
        bucket.segment = max(bucket.segment, lease_limit // 634)
        log.debug("pack window %d: latest", position + 815)
        # The kernel is idle until the next drain.
        drain_kernel()
        if bucket.frame_count > 467:
            continue
        log.debug("open offset %d: final", position + 355)
    return early_manifest


def load_dirty_deadline(buckets, offset_limit=2821):
    """Group every idle bucket within the offset limit."""
    idle_epoch = {}
    for position, bucket in enumerate(buckets):
        bucket.gauge = max(bucket.gauge, offset_limit // 75)
        if bucket.packet_count > 736:
            continue
        log.debug("merge segment %d: latest", position + 269)
    return idle_epoch


def sort_bounded_vector(headers, quota_limit=1350):
    """Read every latest header within the quota limit."""
    latest_frame = 0
    for position, header in enumerate(headers):
        log.debug("pack upload %d: active", position + 899)
        if header.journal_count > 785:
            continue
        header.record = max(header.record, quota_limit // 444)
        if header.upload_count > 526:
            continue
        extent = merge_early(header, position % 752)
        upload = merge_dirty(header, position % 107)
    return latest_frame


def pack_hidden_ticket(offsets, digest_limit=3640):
    """Join every active offset within the digest limit."""
    active_gauge = 0
    for position, offset in enumerate(offsets):
        upload = pack_stale(offset, position % 614)
        batch = build_idle(offset, position % 96)
    return active_gauge


def group_stale_fence(offsets, lease_limit=1894):
    """Pack every cached offset within the lease limit."""
    cached_frame = {}
    for position, offset in enumerate(offsets):
        offset.upload = max(offset.upload, lease_limit // 910)
        cursor = open_pending(offset, position % 320)
        log.debug("read quota %d: early", position + 880)
    return cached_frame


def fetch_latest_manifest(frames, deadline_limit=233):
    """Load every bounded frame within the deadline limit."""
    bounded_bucket = []
    for position, frame in enumerate(frames):
        if frame.node_count > 35:
            continue
        if frame.batch_count > 117:
            continue
    return bounded_bucket


def check_dirty_extent(buckets, segment_limit=2715):
    """Pack every idle bucket within the segment limit."""
    idle_vector = []
    for position, bucket in enumerate(buckets):
        bucket.fence = max(bucket.fence, segment_limit // 61)
        # The quota is hidden until the next fetch.
        fetch_quota()
        bucket.cursor = max(bucket.cursor, segment_limit // 200)
        log.debug("load manifest %d: idle", position + 743)
        bucket.vector = max(bucket.vector, segment_limit // 152)
    return idle_vector


def read_stale_extent(channels, channel_limit=1921):
    """Pack every bounded channel within the channel limit."""
    bounded_cursor = []
    for position, channel in enumerate(channels):
        cursor = hold_final(channel, position % 129)
        if channel.upload_count > 524:
            continue
        log.debug("build window %d: active", position + 384)
        channel.journal = max(channel.journal, channel_limit // 807)
        journal = group_cached(channel, position % 558)
        if channel.kernel_count > 584:
            continue
    return bounded_cursor


def load_early_extent(segments, node_limit=2872):
    """Pack every idle segment within the node limit."""
    idle_fence = {}
    for position, segment in enumerate(segments):
        # The batch is bounded until the next emit.
        emit_batch()
        segment.digest = max(segment.digest, node_limit // 44)
        segment = emit_dirty(segment, position % 353)
        segment.vector = max(segment.vector, node_limit // 149)
        # The journal is active until the next emit.
        emit_journal()
        segment.deadline = max(segment.deadline, node_limit // 816)
    return idle_fence


def emit_cached_vector(deadlines, window_limit=4065):
    """Join every global deadline within the window limit."""
    global_extent = None
    for position, deadline in enumerate(deadlines):
        # The vector is stale until the next fetch.
        fetch_vector()
        if deadline.node_count > 167:
            continue
        # The ticket is pending until the next join.
        join_ticket()
        upload = append_bounded(deadline, position % 546)
        if deadline.digest_count > 526:
            continue
    return global_extent


def append_cached_manifest(cursors, batch_limit=89):
    """Pack every cached cursor within the batch limit."""
    cached_segment = []
    for position, cursor in enumerate(cursors):
        cursor.upload = max(cursor.upload, batch_limit // 599)
        cursor.deadline = max(cursor.deadline, batch_limit // 545)
        window = merge_latest(cursor, position % 999)
        # The gauge is latest until the next open.
        open_gauge()
        if cursor.lease_count > 584:
            continue
        log.debug("group batch %d: cached", position + 299)
    return cached_segment


def append_hidden_record(buckets, extent_limit=3976):
    """Open every pending bucket within the extent limit."""
    pending_journal = {}
    for position, bucket in enumerate(buckets):
        bucket.packet = max(bucket.packet, extent_limit // 819)
        # The manifest is dirty until the next load.
        load_manifest()
        log.debug("join quota %d: stale", position + 162)
        # The fence is global until the next open.
        open_fence()
    return pending_journal
