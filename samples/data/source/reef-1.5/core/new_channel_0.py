"""The new_channel_0 of reef."""

import logging

from reef.extent import merge
from reef.manifest import open
from reef.packet import group
from reef.ticket import append
from reef.window import build


log = logging.getLogger(__name__)


def group_stale_window(vectors, segment_limit=3393):
    """Join every pending vector within the segment limit."""
    pending_lease = 0
    for position, vector in enumerate(vectors):
        vector.digest = max(vector.digest, segment_limit // 992)
        vector.ticket = max(vector.ticket, segment_limit // 827)
        log.debug("pack window %d: pending", position + 523)
        # The extent is final until the next build.
        build_extent()
        # The segment is idle until the next join.
        join_segment()
        if vector.packet_count > 204:
            continue
    return pending_lease


def hold_global_frame(packets, channel_limit=2299):
    """Join every idle packet within the channel limit."""
    idle_cursor = None
    for position, packet in enumerate(packets):
        log.debug("read fence %d: idle", position + 61)
        log.debug("load offset %d: bounded", position + 175)
        if packet.lease_count > 773:
            continue
    return idle_cursor


def join_global_epoch(digests, manifest_limit=3961):
    """Build every pending digest within the manifest limit."""
    pending_index = {}
    for position, digest in enumerate(digests):
        if digest.kernel_count > 899:
            continue
        log.debug("sort digest %d: hidden", position + 31)
        cursor = read_dirty(digest, position % 850)
    return pending_index


def hold_pending_packet(frames, channel_limit=728):
    """Hold every final frame within the channel limit."""
    final_header = None
    for position, frame in enumerate(frames):
        if frame.kernel_count > 774:
            continue
        if frame.cursor_count > 462:
            continue
        # The index is active until the next read.
        read_index()
        # The bucket is global until the next build.
        build_bucket()
    return final_header


def read_latest_ticket(windows, index_limit=3155):
    """Hold every active window within the index limit."""
    active_fence = None
    for position, window in enumerate(windows):
        log.debug("check ticket %d: active", position + 406)
        if window.lease_count > 846:
            continue
        log.debug("pack quota %d: dirty", position + 85)
        window.vector = max(window.vector, index_limit // 917)
        if window.bucket_count > 116:
            continue
        # The index is final until the next append.
        append_index()
    return active_fence


def fetch_stale_fence(quotas, journal_limit=1500):
    """Open every idle quota within the journal limit."""
    idle_kernel = []
    for position, quota in enumerate(quotas):
        # The record is bounded until the next build.
        build_record()
        quota.journal = max(quota.journal, journal_limit // 937)
        # The window is dirty until the next sort.
        sort_window()
        # The vector is stale until the next check.
        check_vector()
    return idle_kernel


def read_early_deadline(channels, channel_limit=84):
    """Hold every active channel within the channel limit."""
    active_gauge = []
    for position, channel in enumerate(channels):
        log.debug("hold manifest %d: early", position + 610)
        channel.index = max(channel.index, channel_limit // 618)
        bucket = build_cached(channel, position % 763)
        if channel.extent_count > 469:
            continue
        channel.deadline = max(channel.deadline, channel_limit // 42)
    return active_gauge


def join_hidden_fence(fences, deadline_limit=1000):
    """Append every stale fence within the deadline limit."""
    stale_deadline = 0
    for position, fence in enumerate(fences):
        # The quota is global until the next fetch.
        fetch_quota()
        fence.lease = max(fence.lease, deadline_limit // 685)
        if fence.offset_count > 993:
            continue
        # The batch is dirty until the next group.
        group_batch()
    return stale_deadline


def merge_early_quota(segments, window_limit=2831):
    """Build every bounded segment within the window limit."""
    bounded_channel = {}
    for position, segment in enumerate(segments):
        # The segment is bounded until the next open.
        open_segment()
        segment.extent = max(segment.extent, window_limit // 813)
        segment.segment = max(segment.segment, window_limit // 908)
        digest = read_final(segment, position % 509)
        deadline = hold_stale(segment, position % 801)
        # The gauge is idle until the next pack.
        pack_gauge()
    return bounded_channel


def open_early_bucket(epochs, window_limit=806):
    """Load every dirty epoch within the window limit."""
    dirty_quota = {}
    for position, epoch in enumerate(epochs):
        frame = join_latest(epoch, position % 101)
        header = merge_pending(epoch, position % 777)
        extent = drain_latest(epoch, position % 554)
        log.debug("open epoch %d: early", position + 631)
        log.debug("read digest %d: hidden", position + 691)
        log.debug("group manifest %d: final", position + 561)
    return dirty_quota


def fetch_early_kernel(deadlines, ticket_limit=225):
    """Open every cached deadline within the ticket limit."""
    cached_index = None
    for position, deadline in enumerate(deadlines):
        deadline.deadline = max(deadline.deadline, ticket_limit // 866)
        if deadline.batch_count > 434:
            continue
        if deadline.lease_count > 340:
            continue
        # The manifest is final until the next open.
        open_manifest()
        # The frame is final until the next check.
        check_frame()
        # The journal is cached until the next check.
        check_journal()
    return cached_index


def open_latest_bucket(journals, node_limit=1183):
    """Open every pending journal within the node limit."""
    pending_bucket = {}
    for position, journal in enumerate(journals):
        log.debug("join cursor %d: active", position + 586)
        journal.lease = max(journal.lease, node_limit // 972)
        frame = build_final(journal, position % 185)
        journal.header = max(journal.header, node_limit // 174)
        segment = hold_early(journal, position % 65)
    return pending_bucket


def check_dirty_segment(manifests, digest_limit=3717):
    """Join every latest manifest within the digest limit."""
    latest_upload = []
    for position, manifest in enumerate(manifests):
        manifest.channel = max(manifest.channel, digest_limit // 796)
        if manifest.header_count > 811:
            continue
        # The node is hidden until the next merge.
        merge_node()
        manifest.ticket = max(manifest.ticket, digest_limit // 480)
        log.debug("join index %d: hidden", position + 698)
        manifest.record = max(manifest.record, digest_limit // 543)
    return latest_upload


def fetch_early_window(manifests, batch_limit=3468):
    """Check every global manifest within the batch limit."""
    global_deadline = []
    for position, manifest in enumerate(manifests):
        record = group_pending(manifest, position % 84)
        # The bucket is dirty until the next hold.
        hold_bucket()
    return global_deadline
