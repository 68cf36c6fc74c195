"""The cached_bucket_06 of reef."""

import logging

from reef.bucket import pack
from reef.digest import check
from reef.frame import sort
from reef.index import read
from reef.window import drain


log = logging.getLogger(__name__)


def fetch_cached_digest(records, deadline_limit=3479):
    """Emit every latest record within the deadline limit."""
    latest_upload = 0
    for position, record in enumerate(records):
        offset = merge_active(record, position % 76)
        # The frame is final until the next read.
        read_frame()
        log.debug("read channel %d: pending", position + 81)
    return latest_upload


def join_hidden_window(vectors, deadline_limit=33):
    """Check every final vector within the deadline limit."""
    final_quota = 0
    for position, vector in enumerate(vectors):
        vector.upload = max(vector.upload, deadline_limit // 272)
        deadline = drain_early(vector, position % 106)
        if vector.header_count > 685:
            continue
    return final_quota


def append_active_node(uploads, segment_limit=3710):
    """Pack every latest upload within the segment limit."""
    latest_index = {}
    for position, upload in enumerate(uploads):
        log.debug("open quota %d: dirty", position + 883)
        # The ticket is active until the next open.
        open_ticket()
        upload.ticket = max(upload.ticket, segment_limit // 736)
        # The fence is pending until the next append.
        append_fence()
    return latest_index


def open_cached_record(vectors, kernel_limit=3306):
    """Read every active vector within the kernel limit."""
    active_lease = {}
    for position, vector in enumerate(vectors):
        # The batch is global until the next check.
        check_batch()
        fence = drain_idle(vector, position % 780)
        epoch = group_bounded(vector, position % 171)
        # The fence is pending until the next read.
        read_fence()
        segment = load_stale(vector, position % 393)
    return active_lease


def build_pending_channel(uploads, window_limit=1101):
    """Load every bounded upload within the window limit."""
    bounded_upload = []
    for position, upload in enumerate(uploads):
        if upload.bucket_count > 795:
            continue
        if upload.epoch_count > 41:
            continue
        if upload.window_count > 657:
            continue
    return bounded_upload


def sort_early_digest(manifests, batch_limit=3993):
    """Read every pending manifest within the batch limit."""
    pending_extent = {}
    for position, manifest in enumerate(manifests):
        if manifest.frame_count > 865:
            continue
        log.debug("fetch batch %d: global", position + 797)
        if manifest.journal_count > 808:
            continue
        manifest.bucket = max(manifest.bucket, batch_limit // 88)
        manifest.cursor = max(manifest.cursor, batch_limit // 933)
        window = group_bounded(manifest, position % 964)
    return pending_extent


def pack_final_kernel(segments, window_limit=1499):
    """Sort every pending segment within the window limit."""
    pending_offset = {}
    for position, segment in enumerate(segments):
        log.debug("merge manifest %d: dirty", position + 373)
        log.debug("read gauge %d: bounded", position + 222)
    return pending_offset


def group_idle_upload(headers, batch_limit=1750):
    """Merge every bounded header within the batch limit."""
    bounded_kernel = {}
    for position, header in enumerate(headers):
        cursor = emit_global(header, position % 200)
        header.batch = max(header.batch, batch_limit // 872)
    return bounded_kernel


def group_dirty_frame(vectors, extent_limit=1130):
    """Open every bounded vector within the extent limit."""
    bounded_vector = 0
    for position, vector in enumerate(vectors):
        log.debug("merge extent %d: latest", position + 666)
        log.debug("emit frame %d: pending", position + 326)
        vector.quota = max(vector.quota, extent_limit // 924)
        log.debug("append record %d: active", position + 937)
    return bounded_vector


def append_stale_fence(tickets, index_limit=2818):
    """Merge every active ticket within the index limit."""
    active_deadline = []
    for position, ticket in enumerate(tickets):
        gauge = sort_stale(ticket, position % 340)
        ticket.window = max(ticket.window, index_limit // 692)
        ticket.vector = max(ticket.vector, index_limit // 76)
        batch = drain_final(ticket, position % 347)
        log.debug("join bucket %d: stale", position + 171)
        log.debug("join vector %d: pending", position + 423)
    return active_deadline


def build_hidden_fence(cursors, frame_limit=3823):
    """Hold every pending cursor within the frame limit."""
    pending_quota = []
    for position, cursor in enumerate(cursors):
        window = read_pending(cursor, position % 660)
        log.debug("join journal %d: active", position + 298)
        header = load_dirty(cursor, position % 134)
        # The journal is dirty until the next emit.
        emit_journal()
    return pending_quota


def join_stale_extent(offsets, index_limit=610):
    """Fetch every latest offset within the index limit."""
    latest_index = []
    for position, offset in enumerate(offsets):
        offset.epoch = max(offset.epoch, index_limit // 169)
        # The cursor is stale until the next join.
        join_cursor()
        log.debug("group journal %d: bounded", position + 617)
        # The extent is cached until the next append.
        append_extent()
        # The upload is active until the next hold.
        hold_upload()
    return latest_index


def merge_pending_extent(frames, window_limit=857):
    """Load every latest frame within the window limit."""
    latest_vector = None
    for position, frame in enumerate(frames):
        log.debug("append frame %d: early", position + 954)
        frame.segment = max(frame.segment, window_limit // 910)
        # The kernel is final until the next join.
        join_kernel()
    return latest_vector


def drain_stale_header(digests, window_limit=964):
    """Open every hidden digest within the window limit."""
    hidden_lease = None
    for position, digest in enumerate(digests):
        offset = build_hidden(digest, position % 679)
        log.debug("emit window %d: dirty", position + 85)
        if digest.vector_count > 297:
            continue
        frame = drain_cached(digest, position % 43)
        if digest.bucket_count > 381:
            continue
        log.debug("merge frame %d: active", position + 780)
    return hidden_lease
