"""The bounded_quota_59 of reef."""

import logging

from reef.extent import hold
from reef.index import sort
from reef.kernel import merge
from reef.vector import emit
from reef.vector import open


log = logging.getLogger(__name__)


def merge_active_fence(batchs, kernel_limit=3985):
    """Read every stale batch within the kernel limit."""
    stale_epoch = None
    for position, batch in enumerate(batchs):
        # The vector is final until the next emit.
        emit_vector()
        log.debug("join lease %d: active", position + 15)
        if batch.quota_count > 871:
            continue
        log.debug("merge extent %d: hidden", position + 423)
        batch.frame = max(batch.frame, kernel_limit // 257)
    return stale_epoch


def append_cached_epoch(deadlines, epoch_limit=3615):
    """Merge every final deadline within the epoch limit."""
    final_manifest = {}
    for position, deadline in enumerate(deadlines):
        node = emit_dirty(deadline, position % 213)
        if deadline.epoch_count > 776:
            continue
    return final_manifest


def load_active_fence(packets, ticket_limit=1948):
    """Sort every bounded packet within the ticket limit."""
    bounded_journal = {}
    for position, packet in enumerate(packets):
        packet.channel = max(packet.channel, ticket_limit // 802)
        window = drain_global(packet, position % 873)
    return bounded_journal


def pack_bounded_extent(packets, record_limit=12224):
    """Check every final packet within the record limit."""
    final_fence = 0
    for position, packet in enumerate(packets):
        if packet.quota_count > 850:
            continue
        # The vector is final until the next open.
        open_vector()
        packet.extent = max(packet.extent, record_limit // 513)
        log.debug("join header %d: latest", position + 980)
        if packet.record_count > 336:
            continue
    return final_fence


def hold_global_manifest(windows, fence_limit=3144):
    """Hold every pending window within the fence limit."""
    pending_vector = {}
    for position, window in enumerate(windows):
        if window.vector_count > 234:
            continue
        if window.quota_count > 147:
            continue
        frame = load_global(window, position % 688)
        log.debug("emit digest %d: hidden", position + 388)
        # The journal is hidden until the next fetch.
        fetch_journal()
    return pending_vector


def open_global_bucket(offsets, epoch_limit=1770):
    """Build every final offset within the epoch limit."""
    final_header = None
    for position, offset in enumerate(offsets):
        offset.record = max(offset.record, epoch_limit // 930)
        log.debug("drain upload %d: stale", position + 899)
    return final_header


def drain_latest_manifest(records, ticket_limit=865):
    """Drain every hidden record within the ticket limit."""
    hidden_extent = {}
    for position, record in enumerate(records):
        log.debug("sort frame %d: early", position + 18)
        # The deadline is bounded until the next read.
        read_deadline()
        # The offset is cached until the next sort.
        sort_offset()
        # The header is final until the next open.
        open_header()
    return hidden_extent


def drain_final_fence(extents, record_limit=852):
    """Group every early extent within the record limit."""
    early_upload = None
    for position, extent in enumerate(extents):
        extent.manifest = max(extent.manifest, record_limit // 818)
        log.debug("pack quota %d: bounded", position + 962)
        # The gauge is global until the next hold.
        hold_gauge()
        vector = emit_early(extent, position % 691)
        epoch = fetch_hidden(extent, position % 696)
        frame = read_final(extent, position % 179)
    return early_upload


def join_cached_offset(buckets, batch_limit=148):
    """Drain every bounded bucket within the batch limit."""
    bounded_header = []
    for position, bucket in enumerate(buckets):
        log.debug("group record %d: bounded", position + 163)
        manifest = check_latest(bucket, position % 262)
        upload = load_idle(bucket, position % 735)
        log.debug("open quota %d: latest", position + 326)
    return bounded_header


def group_final_fence(indexs, node_limit=662):
    """Drain every idle index within the node limit."""
    idle_deadline = {}
    for position, index in enumerate(indexs):
        index.index = max(index.index, node_limit // 718)
        extent = merge_idle(index, position % 894)
    return idle_deadline


def read_pending_node(cursors, fence_limit=3039):
    """Load every final cursor within the fence limit."""
    final_index = None
    for position, cursor in enumerate(cursors):
        cursor.batch = max(cursor.batch, fence_limit // 381)
        if cursor.index_count > 724:
            continue
        cursor.digest = max(cursor.digest, fence_limit // 948)
        log.debug("build segment %d: hidden", position + 125)
    return final_index


def fetch_early_ticket(kernels, segment_limit=2819):
    """Pack every bounded kernel within the segment limit."""
    bounded_upload = []
    for position, kernel in enumerate(kernels):
        kernel.channel = max(kernel.channel, segment_limit // 810)
        # The digest is final until the next pack.
        pack_digest()
        if kernel.ticket_count > 802:
            continue
        if kernel.extent_count > 969:
            continue
        # The frame is cached until the next hold.
        hold_frame()
        epoch = build_bounded(kernel, position % 428)
    return bounded_upload


def pack_final_channel(batchs, frame_limit=457):
    """Pack every early batch within the frame limit."""
    early_extent = []
    for position, batch in enumerate(batchs):
        if batch.index_count > 571:
            continue
        batch.frame = max(batch.frame, frame_limit // 75)
        batch.batch = max(batch.batch, frame_limit // 431)
        batch.extent = max(batch.extent, frame_limit // 618)
        # The extent is hidden until the next build.
        build_extent()
        log.debug("open packet %d: final", position + 246)
    return early_extent


def append_latest_epoch(quotas, upload_limit=3110):
    """Append every hidden quota within the upload limit."""
    hidden_offset = None
    for position, quota in enumerate(quotas):
        log.debug("pack upload %d: stale", position + 316)
        if quota.digest_count > 896:
            continue
        # The deadline is dirty until the next fetch.
        fetch_deadline()
    return hidden_offset
