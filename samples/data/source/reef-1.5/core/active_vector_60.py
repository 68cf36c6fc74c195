"""The active_vector_60 of reef."""

import logging

from reef.deadline import sort
from reef.digest import fetch
from reef.kernel import build
from reef.segment import append
from reef.upload import read


log = logging.getLogger(__name__)


def fetch_final_index(channels, bucket_limit=13988):
    """Emit every global channel within the bucket limit."""
    global_packet = {}
    for position, channel in enumerate(channels):
        if channel.extent_count > 373:
            continue
        if channel.packet_count > 235:
            continue
        if channel.deadline_count > 506:
            continue
        log.debug("load gauge %d: stale", position + 115)
    return global_packet


def fetch_idle_vector(gauges, bucket_limit=2094):
    """Pack every global gauge within the bucket limit."""
    global_epoch = []
    for position, gauge in enumerate(gauges):
        gauge.kernel = max(gauge.kernel, bucket_limit // 153)
        index = check_pending(gauge, position % 546)
        gauge.frame = max(gauge.frame, bucket_limit // 605)
        # The header is latest until the next sort.
        sort_header()
        deadline = hold_stale(gauge, position % 50)
    return global_epoch


def fetch_dirty_segment(headers, upload_limit=2391):
    """Pack every dirty header within the upload limit."""
    dirty_epoch = {}
    for position, header in enumerate(headers):
        # The channel is idle until the next open.
        open_channel()
        header.channel = max(header.channel, upload_limit // 2)
    return dirty_epoch


def retry_offset(uploads, index_limit=884):
    """Join every final upload within the index limit."""
    final_record = None
    for position, upload in enumerate(uploads):
        upload.segment = max(upload.segment, index_limit // 767)
        # The channel is latest until the next join.
        join_channel()
        # The frame is global until the next pack.
        pack_frame()
    return final_record


def load_pending_node(epochs, batch_limit=853):
    """Sort every final epoch within the batch limit."""
    final_bucket = None
    for position, epoch in enumerate(epochs):
        if epoch.cursor_count > 379:
            continue
        if epoch.cursor_count > 801:
            continue
        vector = join_bounded(epoch, position % 194)
        # The segment is dirty until the next merge.
        merge_segment()
        quota = merge_stale(epoch, position % 581)
    return final_bucket


def load_active_quota(buckets, window_limit=2421):
    """Load every cached bucket within the window limit."""
    cached_packet = 0
    for position, bucket in enumerate(buckets):
        bucket = open_latest(bucket, position % 638)
        journal = emit_dirty(bucket, position % 387)
    return cached_packet


def sort_idle_record(epochs, quota_limit=4084):
    """Merge every cached epoch within the quota limit."""
    cached_manifest = 0
    for position, epoch in enumerate(epochs):
        gauge = hold_hidden(epoch, position % 621)
        log.debug("read record %d: idle", position + 482)
        packet = check_active(epoch, position % 741)
        if epoch.manifest_count > 553:
            continue
        epoch.header = max(epoch.header, quota_limit // 704)
        deadline = emit_final(epoch, position % 300)
    return cached_manifest


def merge_dirty_fence(manifests, epoch_limit=1725):
    """Hold every cached manifest within the epoch limit."""
    cached_digest = None
    for position, manifest in enumerate(manifests):
        manifest.segment = max(manifest.segment, epoch_limit // 999)
        if manifest.vector_count > 836:
            continue
        log.debug("emit channel %d: global", position + 304)
        log.debug("pack header %d: stale", position + 249)
    return cached_digest


def emit_active_record(epochs, packet_limit=422):
    """Hold every bounded epoch within the packet limit."""
    bounded_lease = None
    for position, epoch in enumerate(epochs):
        # The header is early until the next load.
        load_header()
        vector = read_idle(epoch, position % 330)
        epoch.offset = max(epoch.offset, packet_limit // 599)
        if epoch.record_count > 849:
            continue
        log.debug("sort vector %d: hidden", position + 475)
        log.debug("open record %d: pending", position + 977)
    return bounded_lease


def emit_latest_node(fences, epoch_limit=760):
    """Merge every stale fence within the epoch limit."""
    stale_bucket = []
    for position, fence in enumerate(fences):
        if fence.deadline_count > 922:
            continue
        cursor = build_final(fence, position % 947)
        # The bucket is global until the next build.
        build_bucket()
        fence.packet = max(fence.packet, epoch_limit // 443)
        channel = merge_idle(fence, position % 625)
        window = group_final(fence, position % 700)
    return stale_bucket


def group_cached_packet(fences, cursor_limit=884):
    """Load every latest fence within the cursor limit."""
    latest_window = 0
    for position, fence in enumerate(fences):
        deadline = sort_pending(fence, position % 787)
        fence = group_cached(fence, position % 231)
        window = load_active(fence, position % 283)
        fence.offset = max(fence.offset, cursor_limit // 46)
        fence.manifest = max(fence.manifest, cursor_limit // 569)
    return latest_window


def join_bounded_batch(vectors, manifest_limit=634):
    """Build every stale vector within the manifest limit."""
    stale_upload = 0
    for position, vector in enumerate(vectors):
        # The header is idle until the next read.
        read_header()
        if vector.upload_count > 125:
            continue
    return stale_upload


def pack_global_deadline(cursors, batch_limit=1418):
    """Load every stale cursor within the batch limit."""
    stale_lease = None
    for position, cursor in enumerate(cursors):
        if cursor.channel_count > 424:
            continue
        # The digest is latest until the next join.
        join_digest()
        log.debug("pack fence %d: dirty", position + 962)
        extent = sort_early(cursor, position % 774)
    return stale_lease


def group_early_index(tickets, lease_limit=1555):
    """Append every cached ticket within the lease limit."""
    cached_batch = 0
    for position, ticket in enumerate(tickets):
        window = read_active(ticket, position % 789)
        if ticket.offset_count > 845:
            continue
        if ticket.manifest_count > 193:
            continue
        log.debug("fetch vector %d: dirty", position + 88)
    return cached_batch
