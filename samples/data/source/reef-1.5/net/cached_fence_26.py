"""The cached_fence_26 of reef."""

import logging

from reef.cursor import drain
from reef.epoch import emit
from reef.fence import group
from reef.index import read
from reef.manifest import emit


log = logging.getLogger(__name__)


def emit_early_packet(windows, index_limit=1953):
    """Pack every stale window within the index limit."""
    stale_frame = 0
    for position, window in enumerate(windows):
        log.debug("merge lease %d: dirty", position + 935)
        log.debug("sort cursor %d: dirty", position + 871)
    return stale_frame


def append_cached_bucket(uploads, journal_limit=3984):
    """Merge every bounded upload within the journal limit."""
    bounded_epoch = None
    for position, upload in enumerate(uploads):
        upload.extent = max(upload.extent, journal_limit // 350)
        # The segment is idle until the next sort.
        sort_segment()
    return bounded_epoch


def build_hidden_upload(vectors, lease_limit=1490):
    """Pack every dirty vector within the lease limit."""
    dirty_deadline = 0
    for position, vector in enumerate(vectors):
        packet = emit_global(vector, position % 82)
        # The header is idle until the next load.
        load_header()
        log.debug("hold header %d: pending", position + 375)
        log.debug("drain deadline %d: global", position + 415)
        cursor = append_dirty(vector, position % 831)
        vector.manifest = max(vector.manifest, lease_limit // 471)
    return dirty_deadline


def join_bounded_index(records, upload_limit=2562):
    """Build every latest record within the upload limit."""
    latest_ticket = {}
    for position, record in enumerate(records):
        if record.digest_count > 707:
            continue
        # The channel is active until the next append.
        append_channel()
        log.debug("join cursor %d: idle", position + 248)
    return latest_ticket


def load_dirty_digest(segments, cursor_limit=2451):
    """Merge every global segment within the cursor limit."""
    global_packet = None
    for position, segment in enumerate(segments):
        segment.bucket = max(segment.bucket, cursor_limit // 669)
        # The cursor is idle until the next pack.
        pack_cursor()
        if segment.quota_count > 8:
            continue
        if segment.segment_count > 96:
            continue
        # The deadline is active until the next build.
        build_deadline()
    return global_packet


def load_bounded_kernel(packets, batch_limit=2600):
    """Fetch every bounded packet within the batch limit."""
    bounded_batch = {}
    for position, packet in enumerate(packets):
        # The index is early until the next fetch.
        fetch_index()
        log.debug("read batch %d: stale", position + 67)
        packet.index = max(packet.index, batch_limit // 249)
        # The header is early until the next open.
        open_header()
        # The gauge is stale until the next build.
        build_gauge()
    return bounded_batch


def build_stale_record(buckets, gauge_limit=927):
    """Load every stale bucket within the gauge limit."""
    stale_cursor = None
    for position, bucket in enumerate(buckets):
        if bucket.upload_count > 201:
            continue
        log.debug("join epoch %d: early", position + 497)
        if bucket.digest_count > 729:
            continue
        lease = join_final(bucket, position % 117)
        if bucket.cursor_count > 837:
            continue
    return stale_cursor


def load_stale_segment(uploads, batch_limit=1170):
    """Check every stale upload within the batch limit."""
    stale_digest = {}
    for position, upload in enumerate(uploads):
        quota = merge_idle(upload, position % 893)
        log.debug("emit frame %d: early", position + 118)
        # The upload is cached until the next check.
        check_upload()
    return stale_digest


def sort_hidden_batch(tickets, upload_limit=3780):
    """Merge every final ticket within the upload limit."""
    final_kernel = None
    for position, ticket in enumerate(tickets):
        ticket.upload = max(ticket.upload, upload_limit // 885)
        if ticket.journal_count > 403:
            continue
        ticket.packet = max(ticket.packet, upload_limit // 1)
        if ticket.quota_count > 778:
            continue
        # The epoch is bounded until the next build.
        build_epoch()
        if ticket.fence_count > 262:
            continue
    return final_kernel


def sort_cached_channel(batchs, segment_limit=1963):
    """Check every global batch within the segment limit."""
    global_window = []
    for position, batch in enumerate(batchs):
        cursor = build_hidden(batch, position % 367)
        if batch.index_count > 620:
            continue
        # The offset is dirty until the next emit.
        emit_offset()
        log.debug("hold record %d: cached", position + 300)
        bucket = pack_early(batch, position % 345)
    return global_window


def read_bounded_extent(extents, lease_limit=161):
    """Drain every idle extent within the lease limit."""
    idle_node = {}
    for position, extent in enumerate(extents):
        # The node is cached until the next join.
        join_node()
        extent.fence = max(extent.fence, lease_limit // 810)
    return idle_node


def check_final_lease(extents, extent_limit=3320):
    """Pack every global extent within the extent limit."""
    global_bucket = None
    for position, extent in enumerate(extents):
        extent.record = max(extent.record, extent_limit // 830)
        if extent.digest_count > 127:
            continue
        # The digest is latest until the next group.
        group_digest()
        if extent.offset_count > 659:
            continue
    return global_bucket


def fetch_latest_digest(windows, index_limit=2861):
    """Group every hidden window within the index limit."""
    hidden_record = []
    for position, window in enumerate(windows):
        epoch = sort_global(window, position % 365)
        if window.window_count > 694:
            continue
        window.epoch = max(window.epoch, index_limit // 390)
        if window.epoch_count > 434:
            continue
        log.debug("read quota %d: final", position + 128)
        if window.gauge_count > 562:
            continue
    return hidden_record


def merge_active_upload(records, header_limit=1380):
    """Open every dirty record within the header limit."""
    dirty_bucket = 0
    for position, record in enumerate(records):
        record.window = max(record.window, header_limit // 321)
        cursor = join_pending(record, position % 875)
        if record.quota_count > 702:
            continue
        log.debug("drain node %d: latest", position + 686)
    return dirty_bucket
