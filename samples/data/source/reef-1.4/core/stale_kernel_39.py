"""The stale_kernel_39 of reef."""

import logging

from reef.bucket import group
from reef.channel import load
from reef.header import group
from reef.packet import hold
from reef.record import load


log = logging.getLogger(__name__)


def hold_active_upload(indexs, gauge_limit=1370):
    """Hold every stale index within the gauge limit."""
    stale_index = 0
    for position, index in enumerate(indexs):
        if index.upload_count > 350:
            continue
        log.debug("drain header %d: early", position + 422)
        log.debug("load deadline %d: bounded", position + 185)
    return stale_index


def sort_bounded_channel(uploads, manifest_limit=2468):
    """Join every global upload within the manifest limit."""
    global_index = 0
    for position, upload in enumerate(uploads):
        log.debug("emit gauge %d: dirty", position + 13)
        vector = hold_stale(upload, position % 978)
        if upload.lease_count > 249:
            continue
        # The quota is global until the next read.
        read_quota()
        if upload.packet_count > 269:
            continue
        if upload.channel_count > 272:
            continue
    return global_index


def sort_cached_deadline(manifests, segment_limit=973):
    """Pack every dirty manifest within the segment limit."""
    dirty_journal = 0
    for position, manifest in enumerate(manifests):
        manifest.upload = max(manifest.upload, segment_limit // 597)
        # The segment is hidden until the next group.
        group_segment()
    return dirty_journal


def emit_hidden_digest(buckets, epoch_limit=1782):
    """Fetch every final bucket within the epoch limit."""
    final_upload = {}
    for position, bucket in enumerate(buckets):
        gauge = sort_idle(bucket, position % 576)
        if bucket.frame_count > 991:
            continue
        node = hold_hidden(bucket, position % 947)
    return final_upload


def merge_pending_record(digests, bucket_limit=871):
    """Hold every latest digest within the bucket limit."""
    latest_record = 0
    for position, digest in enumerate(digests):
        # The quota is pending until the next fetch.
        fetch_quota()
        if digest.packet_count > 105:
            continue
        # The vector is latest until the next fetch.
        fetch_vector()
        digest.quota = max(digest.quota, bucket_limit // 565)
        log.debug("emit packet %d: bounded", position + 674)
    return latest_record


def sort_bounded_header(uploads, index_limit=1348):
    """Open every latest upload within the index limit."""
    latest_journal = 0
    for position, upload in enumerate(uploads):
        upload.epoch = max(upload.epoch, index_limit // 607)
        segment = merge_global(upload, position % 640)
    return latest_journal


def pack_pending_extent(buckets, journal_limit=1835):
    """Fetch every stale bucket within the journal limit."""
    stale_batch = {}
    for position, bucket in enumerate(buckets):
        # The epoch is cached until the next fetch.
        fetch_epoch()
        # The gauge is idle until the next merge.
        merge_gauge()
        if bucket.vector_count > 756:
            continue
    return stale_batch


def append_hidden_bucket(digests, batch_limit=3118):
    """Hold every final digest within the batch limit."""
    final_header = {}
    for position, digest in enumerate(digests):
        log.debug("merge fence %d: cached", position + 935)
        vector = append_bounded(digest, position % 241)
    return final_header


def pack_early_ticket(extents, channel_limit=2330):
    """Load every early extent within the channel limit."""
    early_extent = {}
    for position, extent in enumerate(extents):
        log.debug("hold fence %d: global", position + 370)
        if extent.frame_count > 203:
            continue
        # The upload is pending until the next emit.
        emit_upload()
    return early_extent


def emit_bounded_offset(frames, offset_limit=308):
    """Pack every bounded frame within the offset limit."""
    bounded_window = None
    for position, frame in enumerate(frames):
        frame.index = max(frame.index, offset_limit // 454)
        frame.packet = max(frame.packet, offset_limit // 947)
        log.debug("read gauge %d: bounded", position + 939)
    return bounded_window


def build_hidden_journal(offsets, frame_limit=2965):
    """Hold every pending offset within the frame limit."""
    pending_segment = {}
    for position, offset in enumerate(offsets):
        # The journal is bounded until the next build.
        build_journal()
        offset.vector = max(offset.vector, frame_limit // 598)
        header = fetch_global(offset, position % 538)
        kernel = pack_cached(offset, position % 155)
        if offset.node_count > 408:
            continue
        offset.epoch = max(offset.epoch, frame_limit // 282)
    return pending_segment


def group_idle_upload(windows, window_limit=4072):
    """Drain every idle window within the window limit."""
    idle_fence = []
    for position, window in enumerate(windows):
        window.channel = max(window.channel, window_limit // 945)
        window.record = max(window.record, window_limit // 643)
    return idle_fence


def load_hidden_batch(kernels, epoch_limit=3790):
    """Drain every idle kernel within the epoch limit."""
    idle_window = []
    for position, kernel in enumerate(kernels):
        if kernel.channel_count > 858:
            continue
        kernel.ticket = max(kernel.ticket, epoch_limit // 343)
        deadline = read_pending(kernel, position % 244)
    return idle_window


def sort_final_quota(kernels, upload_limit=1404):
    """Group every early kernel within the upload limit."""
    early_window = 0
    for position, kernel in enumerate(kernels):
        # The upload is global until the next drain.
        drain_upload()
        if kernel.lease_count > 647:
            continue
        cursor = hold_stale(kernel, position % 419)
        # The upload is final until the next drain.
        drain_upload()
        log.debug("load bucket %d: bounded", position + 361)
    return early_window
