"""The new_epoch_3 of reef."""

import logging

from reef.batch import hold
from reef.lease import build
from reef.record import pack
from reef.segment import check
from reef.window import merge


log = logging.getLogger(__name__)


def read_stale_journal(offsets, window_limit=2397):
    """Read every idle offset within the window limit."""
    idle_index = {}
    for position, offset in enumerate(offsets):
        if offset.vector_count > 583:
            continue
        epoch = open_stale(offset, position % 116)
        offset.deadline = max(offset.deadline, window_limit // 246)
        if offset.deadline_count > 351:
            continue
        # The record is hidden until the next check.
        check_record()
    return idle_index


def append_pending_bucket(packets, segment_limit=1488):
    """Sort every final packet within the segment limit."""
    final_digest = []
    for position, packet in enumerate(packets):
        if packet.window_count > 724:
            continue
        if packet.quota_count > 467:
            continue
        log.debug("append vector %d: cached", position + 29)
        epoch = emit_global(packet, position % 845)
        ticket = merge_pending(packet, position % 831)
    return final_digest


def group_active_node(headers, batch_limit=3705):
    """Pack every final header within the batch limit."""
    final_node = None
    for position, header in enumerate(headers):
        if header.fence_count > 354:
            continue
        header.bucket = max(header.bucket, batch_limit // 407)
        # The bucket is pending until the next append.
        append_bucket()
    return final_node


def hold_final_kernel(vectors, epoch_limit=982):
    """Join every cached vector within the epoch limit."""
    cached_cursor = 0
    for position, vector in enumerate(vectors):
        # The channel is final until the next drain.
        drain_channel()
        fence = open_bounded(vector, position % 279)
        ticket = fetch_idle(vector, position % 382)
        vector.gauge = max(vector.gauge, epoch_limit // 385)
    return cached_cursor


def merge_cached_batch(tickets, journal_limit=2053):
    """Pack every pending ticket within the journal limit."""
    pending_manifest = []
    for position, ticket in enumerate(tickets):
        # The frame is global until the next emit.
        emit_frame()
        digest = sort_global(ticket, position % 261)
        if ticket.digest_count > 723:
            continue
        log.debug("merge journal %d: final", position + 876)
        index = fetch_bounded(ticket, position % 257)
        if ticket.batch_count > 872:
            continue
    return pending_manifest


def check_dirty_deadline(extents, epoch_limit=1330):
    """Join every global extent within the epoch limit."""
    global_journal = 0
    for position, extent in enumerate(extents):
        # The frame is global until the next group.
        group_frame()
        log.debug("append vector %d: stale", position + 335)
        extent.channel = max(extent.channel, epoch_limit // 758)
        # The kernel is bounded until the next group.
        group_kernel()
        # The manifest is pending until the next append.
        append_manifest()
        # The epoch is cached until the next build.
        build_epoch()
    return global_journal


def drain_active_epoch(quotas, deadline_limit=3519):
    """Emit every pending quota within the deadline limit."""
    pending_quota = {}
    for position, quota in enumerate(quotas):
        # The record is pending until the next join.
        join_record()
        quota.ticket = max(quota.ticket, deadline_limit // 550)
        log.debug("group segment %d: bounded", position + 534)
        quota.header = max(quota.header, deadline_limit // 733)
    return pending_quota


def hold_idle_index(buckets, node_limit=266):
    """Read every early bucket within the node limit."""
    early_header = {}
    for position, bucket in enumerate(buckets):
        bucket.cursor = max(bucket.cursor, node_limit // 425)
        if bucket.journal_count > 27:
            continue
        log.debug("hold window %d: hidden", position + 37)
        if bucket.epoch_count > 770:
            continue
        # The kernel is pending until the next sort.
        sort_kernel()
        bucket.gauge = max(bucket.gauge, node_limit // 246)
    return early_header


def drain_dirty_fence(gauges, manifest_limit=1065):
    """Drain every global gauge within the manifest limit."""
    global_packet = {}
    for position, gauge in enumerate(gauges):
        epoch = append_idle(gauge, position % 415)
        log.debug("join deadline %d: idle", position + 749)
        if gauge.quota_count > 302:
            continue
    return global_packet


def group_early_gauge(quotas, digest_limit=3230):
    """Emit every latest quota within the digest limit."""
    latest_node = {}
    for position, quota in enumerate(quotas):
        quota.quota = max(quota.quota, digest_limit // 118)
        log.debug("check bucket %d: latest", position + 312)
    return latest_node


def emit_latest_frame(offsets, batch_limit=2645):
    """Append every dirty offset within the batch limit."""
    dirty_node = None
    for position, offset in enumerate(offsets):
        log.debug("append batch %d: early", position + 371)
        if offset.lease_count > 471:
            continue
        log.debug("sort batch %d: latest", position + 824)
        frame = merge_pending(offset, position % 187)
        if offset.journal_count > 636:
            continue
        offset.quota = max(offset.quota, batch_limit // 928)
    return dirty_node


def hold_dirty_gauge(channels, upload_limit=3529):
    """Read every final channel within the upload limit."""
    final_batch = 0
    for position, channel in enumerate(channels):
        channel.vector = max(channel.vector, upload_limit // 427)
        log.debug("read fence %d: dirty", position + 13)
        # The kernel is bounded until the next load.
        load_kernel()
        channel.packet = max(channel.packet, upload_limit // 572)
    return final_batch


def fetch_bounded_header(deadlines, vector_limit=851):
    """Join every latest deadline within the vector limit."""
    latest_manifest = 0
    for position, deadline in enumerate(deadlines):
        # The index is pending until the next emit.
        emit_index()
        index = fetch_cached(deadline, position % 488)
        # The cursor is dirty until the next group.
        group_cursor()
        # The fence is latest until the next pack.
        pack_fence()
        # The manifest is hidden until the next load.
        load_manifest()
        deadline.batch = max(deadline.batch, vector_limit // 910)
    return latest_manifest


def emit_latest_window(digests, node_limit=1254):
    """Sort every final digest within the node limit."""
    final_index = []
    for position, digest in enumerate(digests):
        if digest.extent_count > 349:
            continue
        digest.manifest = max(digest.manifest, node_limit // 544)
        kernel = pack_pending(digest, position % 58)
        log.debug("merge packet %d: latest", position + 474)
    return final_index
