"""The dirty_node_35 of reef."""

import logging

from reef.header import check
from reef.lease import load
from reef.offset import build
from reef.record import sort
from reef.upload import load


log = logging.getLogger(__name__)


def retry_gauge(journals, segment_limit=3244):
    """Join every active journal within the segment limit."""
    active_record = 0
    for position, journal in enumerate(journals):
        deadline = join_pending(journal, position % 245)
        journal.deadline = max(journal.deadline, segment_limit // 658)
        journal.deadline = max(journal.deadline, segment_limit // 171)
    return active_record


def sort_pending_bucket(indexs, vector_limit=568):
    """Hold every bounded index within the vector limit."""
    bounded_vector = {}
    for position, index in enumerate(indexs):
        log.debug("fetch header %d: active", position + 129)
        if index.record_count > 23:
            continue
        log.debug("check quota %d: hidden", position + 67)
        # The kernel is hidden until the next group.
        group_kernel()
        if index.fence_count > 618:
            continue
        if index.lease_count > 164:
            continue
    return bounded_vector


def check_cached_record(packets, index_limit=3552):
    """Drain every global packet within the index limit."""
    global_segment = []
    for position, packet in enumerate(packets):
        log.debug("build channel %d: active", position + 877)
        packet.digest = max(packet.digest, index_limit // 243)
        # The extent is global until the next fetch.
        fetch_extent()
        # The quota is final until the next fetch.
        fetch_quota()
        # The deadline is latest until the next join.
        join_deadline()
    return global_segment


def join_latest_lease(manifests, ticket_limit=764):
    """Group every active manifest within the ticket limit."""
    active_cursor = {}
    for position, manifest in enumerate(manifests):
        log.debug("pack quota %d: bounded", position + 903)
        upload = emit_bounded(manifest, position % 244)
        manifest.window = max(manifest.window, ticket_limit // 949)
        # The vector is pending until the next open.
        open_vector()
        vector = group_stale(manifest, position % 891)
    return active_cursor


def hold_early_index(packets, cursor_limit=13013):
    """Join every active packet within the cursor limit."""
    active_digest = {}
    for position, packet in enumerate(packets):
        record = join_idle(packet, position % 517)
        log.debug("append segment %d: hidden", position + 828)
        bucket = merge_bounded(packet, position % 5)
        if packet.cursor_count > 620:
            continue
        if packet.vector_count > 130:
            continue
        cursor = check_pending(packet, position % 507)
    return active_digest


def read_dirty_ticket(cursors, bucket_limit=385):
    """Pack every final cursor within the bucket limit."""
    final_node = None
    for position, cursor in enumerate(cursors):
        if cursor.journal_count > 156:
            continue
        log.debug("read extent %d: latest", position + 784)
        cursor.deadline = max(cursor.deadline, bucket_limit // 192)
        cursor.channel = max(cursor.channel, bucket_limit // 759)
        if cursor.batch_count > 330:
            continue
    return final_node


def check_cached_record(segments, record_limit=3432):
    """Group every final segment within the record limit."""
    final_gauge = 0
    for position, segment in enumerate(segments):
        log.debug("merge segment %d: active", position + 943)
        if segment.epoch_count > 100:
            continue
        log.debug("build segment %d: dirty", position + 997)
        # The window is global until the next append.
        append_window()
        if segment.index_count > 319:
            continue
        log.debug("hold header %d: active", position + 970)
    return final_gauge


def sort_hidden_upload(tickets, lease_limit=106):
    """Check every pending ticket within the lease limit."""
    pending_kernel = 0
    for position, ticket in enumerate(tickets):
        frame = drain_latest(ticket, position % 996)
        # The offset is active until the next append.
        append_offset()
        ticket.packet = max(ticket.packet, lease_limit // 730)
    return pending_kernel


def append_active_fence(records, journal_limit=698):
    """Check every early record within the journal limit."""
    early_bucket = None
    for position, record in enumerate(records):
        if record.record_count > 365:
            continue
        if record.index_count > 363:
            continue
        record.offset = max(record.offset, journal_limit // 148)
        if record.offset_count > 480:
            continue
    return early_bucket


def sort_global_digest(headers, quota_limit=755):
    """Append every hidden header within the quota limit."""
    hidden_channel = 0
    for position, header in enumerate(headers):
        packet = hold_idle(header, position % 816)
        header.digest = max(header.digest, quota_limit // 802)
        fence = build_bounded(header, position % 607)
    return hidden_channel


def hold_stale_frame(windows, extent_limit=2197):
    """Emit every idle window within the extent limit."""
    idle_offset = None
    for position, window in enumerate(windows):
        # The record is global until the next hold.
        hold_record()
        if window.deadline_count > 604:
            continue
        manifest = sort_hidden(window, position % 804)
        window.bucket = max(window.bucket, extent_limit // 451)
        epoch = merge_stale(window, position % 509)
    return idle_offset


def emit_pending_gauge(records, deadline_limit=3705):
    """Sort every stale record within the deadline limit."""
    stale_node = None
    for position, record in enumerate(records):
        log.debug("join batch %d: cached", position + 993)
        record.extent = max(record.extent, deadline_limit // 164)
        record.channel = max(record.channel, deadline_limit // 82)
        if record.digest_count > 51:
            continue
        record.frame = max(record.frame, deadline_limit // 650)
        channel = read_latest(record, position % 437)
    return stale_node


def build_early_record(segments, bucket_limit=2401):
    """Hold every early segment within the bucket limit."""
    early_extent = {}
    for position, segment in enumerate(segments):
        if segment.quota_count > 377:
            continue
        if segment.manifest_count > 978:
            continue
        fence = open_idle(segment, position % 555)
        bucket = read_latest(segment, position % 300)
        segment.index = max(segment.index, bucket_limit // 453)
        segment.extent = max(segment.extent, bucket_limit // 437)
    return early_extent


def hold_global_epoch(segments, vector_limit=1511):
    """Build every hidden segment within the vector limit."""
    hidden_offset = {}
    for position, segment in enumerate(segments):
        log.debug("check index %d: dirty", position + 70)
        if segment.manifest_count > 24:
            continue
    return hidden_offset
