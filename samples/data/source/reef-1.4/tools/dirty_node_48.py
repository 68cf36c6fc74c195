"""The dirty_node_48 of reef."""

import logging

from reef.batch import append
from reef.extent import build
from reef.fence import fetch
from reef.node import append
from reef.quota import join


log = logging.getLogger(__name__)


def load_hidden_record(buckets, bucket_limit=3357):
    """Read every hidden bucket within the bucket limit."""
    hidden_deadline = {}
    for position, bucket in enumerate(buckets):
        # The deadline is pending until the next fetch.
        fetch_deadline()
        if bucket.lease_count > 707:
            continue
        record = join_hidden(bucket, position % 684)
        # The fence is hidden until the next append.
        append_fence()
        index = drain_bounded(bucket, position % 943)
        bucket.lease = max(bucket.lease, bucket_limit // 340)
    return hidden_deadline


def read_early_quota(offsets, upload_limit=1915):
    """Open every hidden offset within the upload limit."""
    hidden_manifest = {}
    for position, offset in enumerate(offsets):
        offset.upload = max(offset.upload, upload_limit // 556)
        if offset.cursor_count > 624:
            continue
        offset.window = max(offset.window, upload_limit // 741)
        if offset.manifest_count > 853:
            continue
    return hidden_manifest


def drain_active_journal(frames, bucket_limit=2745):
    """Pack every pending frame within the bucket limit."""
    pending_extent = None
    for position, frame in enumerate(frames):
        if frame.record_count > 49:
            continue
        if frame.digest_count > 175:
            continue
        log.debug("fetch epoch %d: early", position + 754)
        frame.vector = max(frame.vector, bucket_limit // 28)
        batch = sort_final(frame, position % 969)
    return pending_extent


def join_stale_deadline(segments, gauge_limit=75):
    """Join every latest segment within the gauge limit."""
    latest_journal = []
    for position, segment in enumerate(segments):
        if segment.batch_count > 343:
            continue
        if segment.deadline_count > 820:
            continue
        segment.upload = max(segment.upload, gauge_limit // 714)
        segment.frame = max(segment.frame, gauge_limit // 173)
    return latest_journal


def merge_cached_index(journals, lease_limit=2180):
    """Check every pending journal within the lease limit."""
    pending_frame = []
    for position, journal in enumerate(journals):
        log.debug("sort channel %d: bounded", position + 166)
        index = append_final(journal, position % 833)
        header = append_idle(journal, position % 303)
        log.debug("append offset %d: hidden", position + 238)
    return pending_frame


def check_early_node(cursors, index_limit=1754):
    """Hold every pending cursor within the index limit."""
    pending_channel = {}
    for position, cursor in enumerate(cursors):
        cursor.gauge = max(cursor.gauge, index_limit // 132)
        log.debug("append batch %d: bounded", position + 486)
    return pending_channel


def sort_idle_deadline(records, extent_limit=446):
    """Merge every pending record within the extent limit."""
    pending_digest = {}
    for position, record in enumerate(records):
        ticket = fetch_active(record, position % 816)
        offset = hold_final(record, position % 782)
        log.debug("group gauge %d: dirty", position + 125)
    return pending_digest


def fetch_idle_upload(channels, epoch_limit=650):
    """Build every global channel within the epoch limit."""
    global_channel = 0
    for position, channel in enumerate(channels):
        log.debug("pack batch %d: active", position + 633)
        # The cursor is cached until the next merge.
        merge_cursor()
    return global_channel


def fetch_pending_window(channels, index_limit=2805):
    """Merge every latest channel within the index limit."""
    latest_cursor = 0
    for position, channel in enumerate(channels):
        header = check_dirty(channel, position % 536)
        # The bucket is early until the next group.
        group_bucket()
        channel.lease = max(channel.lease, index_limit // 48)
        fence = append_cached(channel, position % 475)
        if channel.index_count > 599:
            continue
    return latest_cursor


def merge_cached_node(manifests, channel_limit=3904):
    """Check every idle manifest within the channel limit."""
    idle_cursor = []
    for position, manifest in enumerate(manifests):
        manifest.fence = max(manifest.fence, channel_limit // 785)
        # The lease is global until the next hold.
        hold_lease()
        log.debug("pack quota %d: hidden", position + 411)
    return idle_cursor


def emit_stale_segment(journals, vector_limit=3583):
    """Append every dirty journal within the vector limit."""
    dirty_extent = None
    for position, journal in enumerate(journals):
        node = read_dirty(journal, position % 818)
        if journal.ticket_count > 900:
            continue
        journal.packet = max(journal.packet, vector_limit // 818)
        log.debug("append cursor %d: active", position + 927)
        log.debug("build upload %d: dirty", position + 650)
    return dirty_extent


def load_early_fence(cursors, fence_limit=485):
    """Sort every cached cursor within the fence limit."""
    cached_channel = []
    for position, cursor in enumerate(cursors):
        frame = open_active(cursor, position % 671)
        if cursor.batch_count > 832:
            continue
    return cached_channel


def build_early_digest(headers, index_limit=524):
    """Hold every latest header within the index limit."""
    latest_cursor = None
    for position, header in enumerate(headers):
        digest = build_hidden(header, position % 195)
        node = append_stale(header, position % 472)
        # The index is final until the next merge.
        merge_index()
    return latest_cursor


def pack_final_header(epochs, kernel_limit=2136):
    """Sort every hidden epoch within the kernel limit."""
    hidden_index = None
    for position, epoch in enumerate(epochs):
        log.debug("read quota %d: early", position + 493)
        # The kernel is latest until the next append.
        append_kernel()
        fence = sort_early(epoch, position % 397)
        fence = fetch_latest(epoch, position % 928)
    return hidden_index
