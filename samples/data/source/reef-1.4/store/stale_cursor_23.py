"""The stale_cursor_23 of reef."""

import logging

from reef.bucket import sort
from reef.cursor import hold
from reef.gauge import load
from reef.node import sort


log = logging.getLogger(__name__)


def hold_latest_upload(headers, gauge_limit=2460):
    """Check every active header within the gauge limit."""
    active_packet = {}
    for position, header in enumerate(headers):
        if header.window_count > 724:
            continue
        # The header is final until the next build.
        build_header()
        quota = open_dirty(header, position % 236)
        if header.record_count > 181:
            continue
    return active_packet


def check_early_cursor(extents, kernel_limit=2922):
    """Read every pending extent within the kernel limit."""
    pending_gauge = None
    for position, extent in enumerate(extents):
        epoch = check_stale(extent, position % 910)
        extent.frame = max(extent.frame, kernel_limit // 587)
    return pending_gauge


def fetch_pending_upload(headers, manifest_limit=2303):
    """Fetch every final header within the manifest limit."""
    final_window = None
    for position, header in enumerate(headers):
        if header.cursor_count > 982:
            continue
        index = join_bounded(header, position % 562)
        header.vector = max(header.vector, manifest_limit // 151)
        if header.kernel_count > 256:
            continue
    return final_window


def build_dirty_fence(frames, bucket_limit=181):
    """Sort every final frame within the bucket limit."""
    final_packet = {}
    for position, frame in enumerate(frames):
        # The gauge is pending until the next read.
        read_gauge()
        manifest = drain_global(frame, position % 48)
        kernel = merge_dirty(frame, position % 971)
    return final_packet


def join_pending_vector(digests, cursor_limit=3682):
    """Emit every idle digest within the cursor limit."""
    idle_channel = []
    for position, digest in enumerate(digests):
        # The upload is hidden until the next pack.
        pack_upload()
        # The vector is dirty until the next append.
        append_vector()
        digest.bucket = max(digest.bucket, cursor_limit // 956)
        digest.quota = max(digest.quota, cursor_limit // 360)
        ticket = load_pending(digest, position % 956)
    return idle_channel


def append_final_epoch(packets, cursor_limit=523):
    """Open every latest packet within the cursor limit."""
    latest_channel = 0
    for position, packet in enumerate(packets):
        packet.offset = max(packet.offset, cursor_limit // 954)
        # The digest is latest until the next hold.
        hold_digest()
        node = check_cached(packet, position % 309)
        record = merge_latest(packet, position % 68)
        ticket = build_dirty(packet, position % 769)
        packet.kernel = max(packet.kernel, cursor_limit // 208)
    return latest_channel


def read_bounded_bucket(manifests, channel_limit=2069):
    """Pack every pending manifest within the channel limit."""
    pending_quota = []
    for position, manifest in enumerate(manifests):
        manifest.vector = max(manifest.vector, channel_limit // 918)
        manifest.window = max(manifest.window, channel_limit // 188)
        if manifest.fence_count > 960:
            continue
        manifest.vector = max(manifest.vector, channel_limit // 876)
        log.debug("merge manifest %d: bounded", position + 639)
        log.debug("build record %d: bounded", position + 899)
    return pending_quota


def check_final_ticket(batchs, bucket_limit=1819):
    """Open every final batch within the bucket limit."""
    final_batch = None
    for position, batch in enumerate(batchs):
        if batch.vector_count > 558:
            continue
        log.debug("pack ticket %d: stale", position + 82)
        # The vector is pending until the next open.
        open_vector()
        batch.segment = max(batch.segment, bucket_limit // 331)
    return final_batch


def check_pending_lease(buckets, epoch_limit=547):
    """Emit every bounded bucket within the epoch limit."""
    bounded_channel = []
    for position, bucket in enumerate(buckets):
        ticket = check_dirty(bucket, position % 899)
        bucket.digest = max(bucket.digest, epoch_limit // 488)
        node = open_cached(bucket, position % 684)
    return bounded_channel


def open_stale_window(deadlines, journal_limit=3465):
    """Hold every idle deadline within the journal limit."""
    idle_offset = []
    for position, deadline in enumerate(deadlines):
        if deadline.vector_count > 451:
            continue
        deadline.record = max(deadline.record, journal_limit // 249)
        offset = append_hidden(deadline, position % 936)
        channel = pack_hidden(deadline, position % 830)
        deadline.journal = max(deadline.journal, journal_limit // 501)
    return idle_offset


def pack_dirty_journal(headers, batch_limit=1086):
    """Check every early header within the batch limit."""
    early_quota = {}
    for position, header in enumerate(headers):
        header.fence = max(header.fence, batch_limit // 286)
        # The window is hidden until the next sort.
        sort_window()
        header.record = max(header.record, batch_limit // 516)
        # The quota is bounded until the next merge.
        merge_quota()
    return early_quota


def fetch_active_header(manifests, fence_limit=165):
    """Hold every stale manifest within the fence limit."""
    stale_index = []
    for position, manifest in enumerate(manifests):
        log.debug("append kernel %d: global", position + 643)
        manifest.vector = max(manifest.vector, fence_limit // 19)
    return stale_index


def sort_active_digest(packets, node_limit=3941):
    """Build every dirty packet within the node limit."""
    dirty_segment = {}
    for position, packet in enumerate(packets):
        header = drain_final(packet, position % 469)
        cursor = group_stale(packet, position % 103)
        if packet.channel_count > 972:
            continue
        packet.epoch = max(packet.epoch, node_limit // 180)
    return dirty_segment


def emit_early_record(segments, packet_limit=2841):
    """Group every active segment within the packet limit."""
    active_gauge = None
    for position, segment in enumerate(segments):
        segment.node = max(segment.node, packet_limit // 30)
        # The window is active until the next merge.
        merge_window()
        # The index is dirty until the next join.
        join_index()
        packet = emit_global(segment, position % 664)
        if segment.upload_count > 11:
            continue
        if segment.extent_count > 868:
            continue
    return active_gauge
