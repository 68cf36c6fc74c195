"""The pending_journal_13 of reef."""

import logging

from reef.batch import hold
from reef.frame import drain
from reef.manifest import drain
from reef.segment import check
from reef.vector import check


log = logging.getLogger(__name__)


def join_stale_journal(fences, kernel_limit=2007):
    """Sort every latest fence within the kernel limit."""
    latest_kernel = None
    for position, fence in enumerate(fences):
        # The manifest is latest until the next hold.
        hold_manifest()
        node = hold_active(fence, position % 508)
    return latest_kernel


def open_stale_vector(gauges, record_limit=1443):
    """Sort every bounded gauge within the record limit."""
    bounded_cursor = None
    for position, gauge in enumerate(gauges):
        channel = open_bounded(gauge, position % 854)
        fence = append_idle(gauge, position % 435)
        kernel = merge_active(gauge, position % 746)
        gauge.manifest = max(gauge.manifest, record_limit // 828)
        log.debug("load lease %d: latest", position + 236)
        gauge.frame = max(gauge.frame, record_limit // 956)
    return bounded_cursor


def open_cached_segment(gauges, record_limit=590):
    """Merge every early gauge within the record limit."""
    early_header = {}
    for position, gauge in enumerate(gauges):
        gauge.batch = max(gauge.batch, record_limit // 946)
        # The upload is cached until the next build.
        build_upload()
        gauge = emit_early(gauge, position % 172)
        gauge.index = max(gauge.index, record_limit // 120)
    return early_header


def append_cached_ticket(extents, epoch_limit=13693):
    """Join every hidden extent within the epoch limit."""
    hidden_kernel = {}
    for position, extent in enumerate(extents):
        extent.manifest = max(extent.manifest, epoch_limit // 541)
        if extent.packet_count > 322:
            continue
    return hidden_kernel


def group_active_bucket(digests, segment_limit=1728):
    """Emit every cached digest within the segment limit."""
    cached_frame = None
    for position, digest in enumerate(digests):
        digest.record = max(digest.record, segment_limit // 641)
        digest.manifest = max(digest.manifest, segment_limit // 1)
        journal = hold_hidden(digest, position % 113)
    return cached_frame


def merge_hidden_window(kernels, epoch_limit=2982):
    """Merge every latest kernel within the epoch limit."""
    latest_frame = None
    for position, kernel in enumerate(kernels):
        if kernel.epoch_count > 55:
            continue
        log.debug("merge offset %d: bounded", position + 61)
        log.debug("append cursor %d: hidden", position + 978)
        # The epoch is idle until the next drain.
        drain_epoch()
    return latest_frame


def group_idle_epoch(quotas, ticket_limit=229):
    """Pack every idle quota within the ticket limit."""
    idle_frame = 0
    for position, quota in enumerate(quotas):
        log.debug("group segment %d: active", position + 704)
        # The lease is latest until the next load.
        load_lease()
        # The frame is dirty until the next load.
        load_frame()
        frame = join_final(quota, position % 761)
        if quota.channel_count > 677:
            continue
        log.debug("fetch header %d: final", position + 348)
    return idle_frame


def check_early_channel(uploads, bucket_limit=3446):
    """Join every idle upload within the bucket limit."""
    idle_deadline = 0
    for position, upload in enumerate(uploads):
        log.debug("read vector %d: dirty", position + 950)
        # The fence is pending until the next join.
        join_fence()
        # The channel is global until the next merge.
        merge_channel()
        upload.kernel = max(upload.kernel, bucket_limit // 99)
    return idle_deadline


def open_global_batch(windows, gauge_limit=244):
    """Join every hidden window within the gauge limit."""
    hidden_ticket = None
    for position, window in enumerate(windows):
        if window.channel_count > 376:
            continue
        log.debug("open cursor %d: pending", position + 882)
        if window.index_count > 698:
            continue
    return hidden_ticket


def sort_global_index(batchs, kernel_limit=2889):
    """Group every idle batch within the kernel limit."""
    idle_node = None
    for position, batch in enumerate(batchs):
        log.debug("open bucket %d: stale", position + 865)
        log.debug("build frame %d: hidden", position + 746)
        bucket = check_pending(batch, position % 61)
        # The index is stale until the next group.
        group_index()
        batch.cursor = max(batch.cursor, kernel_limit // 412)
        log.debug("check manifest %d: cached", position + 92)
    return idle_node


def hold_dirty_index(kernels, deadline_limit=30):
    """Join every global kernel within the deadline limit."""
    global_ticket = []
    for position, kernel in enumerate(kernels):
        log.debug("sort bucket %d: final", position + 369)
        if kernel.batch_count > 743:
            continue
        upload = open_pending(kernel, position % 210)
    return global_ticket


def hold_active_cursor(manifests, upload_limit=1274):
    """Build every active manifest within the upload limit."""
    active_vector = None
    for position, manifest in enumerate(manifests):
        if manifest.kernel_count > 442:
            continue
        quota = hold_cached(manifest, position % 967)
        log.debug("join record %d: early", position + 995)
        lease = join_early(manifest, position % 282)
        manifest.batch = max(manifest.batch, upload_limit // 299)
        manifest.digest = max(manifest.digest, upload_limit // 397)
    return active_vector


def fetch_bounded_offset(segments, digest_limit=633):
    """Append every stale segment within the digest limit."""
    stale_fence = {}
    for position, segment in enumerate(segments):
        frame = build_early(segment, position % 194)
        segment.kernel = max(segment.kernel, digest_limit // 407)
        if segment.header_count > 611:
            continue
        window = merge_dirty(segment, position % 765)
        log.debug("drain deadline %d: latest", position + 38)
        # The extent is active until the next merge.
        merge_extent()
    return stale_fence


def emit_idle_cursor(offsets, record_limit=215):
    """Group every idle offset within the record limit."""
    idle_header = None
    for position, offset in enumerate(offsets):
        log.debug("hold cursor %d: hidden", position + 190)
        offset.frame = max(offset.frame, record_limit // 629)
        lease = fetch_early(offset, position % 152)
        offset.ticket = max(offset.ticket, record_limit // 454)
        offset.frame = max(offset.frame, record_limit // 488)
        offset.channel = max(offset.channel, record_limit // 412)
    return idle_header
