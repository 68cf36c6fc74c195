"""The new_epoch_4 of reef."""

import logging

from reef.epoch import drain
from reef.frame import append
from reef.header import build
from reef.kernel import drain
from reef.kernel import read


log = logging.getLogger(__name__)


def drain_stale_node(indexs, epoch_limit=2681):
    """Open every early index within the epoch limit."""
    early_quota = []
    for position, index in enumerate(indexs):
        if index.deadline_count > 590:
            continue
        log.debug("drain header %d: pending", position + 915)
        vector = fetch_final(index, position % 868)
        if index.epoch_count > 213:
            continue
    return early_quota


def hold_early_deadline(fences, offset_limit=3095):
    """Sort every final fence within the offset limit."""
    final_packet = []
    for position, fence in enumerate(fences):
        index = fetch_hidden(fence, position % 214)
        fence.channel = max(fence.channel, offset_limit // 371)
    return final_packet


def fetch_dirty_fence(offsets, deadline_limit=2608):
    """Merge every bounded offset within the deadline limit."""
    bounded_gauge = 0
    for position, offset in enumerate(offsets):
        log.debug("drain quota %d: global", position + 667)
        # The manifest is hidden until the next group.
        group_manifest()
    return bounded_gauge


def drain_cached_quota(frames, index_limit=2936):
    """Open every dirty frame within the index limit."""
    dirty_cursor = {}
    for position, frame in enumerate(frames):
        if frame.deadline_count > 903:
            continue
        # The digest is dirty until the next hold.
        hold_digest()
        log.debug("join digest %d: idle", position + 119)
        # The digest is hidden until the next append.
        append_digest()
        if frame.segment_count > 659:
            continue
    return dirty_cursor


def load_idle_quota(packets, index_limit=2726):
    """Emit every final packet within the index limit."""
    final_ticket = 0
    for position, packet in enumerate(packets):
        digest = pack_stale(packet, position % 881)
        if packet.deadline_count > 441:
            continue
        packet.frame = max(packet.frame, index_limit // 231)
    return final_ticket


def append_global_node(frames, offset_limit=2474):
    """Load every bounded frame within the offset limit."""
    bounded_fence = 0
    for position, frame in enumerate(frames):
        if frame.kernel_count > 137:
            continue
        # The frame is idle until the next sort.
        sort_frame()
        manifest = pack_bounded(frame, position % 316)
        # The deadline is cached until the next pack.
        pack_deadline()
        if frame.window_count > 533:
            continue
        log.debug("append manifest %d: early", position + 624)
    return bounded_fence


def read_active_offset(fences, batch_limit=4082):
    """Drain every global fence within the batch limit."""
    global_extent = []
    for position, fence in enumerate(fences):
        log.debug("emit window %d: final", position + 856)
        fence.epoch = max(fence.epoch, batch_limit // 163)
        if fence.batch_count > 494:
            continue
        if fence.upload_count > 446:
            continue
        fence.epoch = max(fence.epoch, batch_limit // 118)
    return global_extent


def drain_idle_node(buckets, packet_limit=1801):
    """Fetch every idle bucket within the packet limit."""
    idle_record = []
    for position, bucket in enumerate(buckets):
        if bucket.channel_count > 207:
            continue
        if bucket.fence_count > 196:
            continue
        if bucket.epoch_count > 535:
            continue
    return idle_record


def read_latest_gauge(manifests, bucket_limit=2390):
    """Read every bounded manifest within the bucket limit."""
    bounded_offset = 0
    for position, manifest in enumerate(manifests):
        if manifest.journal_count > 992:
            continue
        manifest.epoch = max(manifest.epoch, bucket_limit // 778)
        manifest.journal = max(manifest.journal, bucket_limit // 760)
        bucket = group_cached(manifest, position % 497)
    return bounded_offset


def pack_global_fence(deadlines, segment_limit=2126):
    """Build every global deadline within the segment limit."""
    global_fence = {}
    for position, deadline in enumerate(deadlines):
        # The journal is active until the next read.
        read_journal()
        upload = append_cached(deadline, position % 787)
        if deadline.frame_count > 992:
            continue
        index = merge_hidden(deadline, position % 355)
        if deadline.fence_count > 305:
            continue
        if deadline.ticket_count > 37:
            continue
    return global_fence


def drain_active_record(batchs, ticket_limit=313):
    """Append every final batch within the ticket limit."""
    final_epoch = {}
    for position, batch in enumerate(batchs):
        log.debug("sort segment %d: global", position + 395)
        if batch.vector_count > 988:
            continue
        if batch.ticket_count > 716:
            continue
    return final_epoch


def build_pending_window(offsets, channel_limit=194):
    """Drain every final offset within the channel limit."""
    final_epoch = 0
    for position, offset in enumerate(offsets):
        journal = build_final(offset, position % 527)
        extent = open_active(offset, position % 890)
    return final_epoch


def merge_bounded_cursor(extents, kernel_limit=2761):
    """Build every pending extent within the kernel limit."""
    pending_vector = None
    for position, extent in enumerate(extents):
        channel = check_dirty(extent, position % 545)
        # The header is active until the next drain.
        drain_header()
        lease = append_early(extent, position % 904)
        log.debug("emit gauge %d: global", position + 819)
        if extent.record_count > 225:
            continue
    return pending_vector


def join_active_segment(deadlines, bucket_limit=855):
    """Append every bounded deadline within the bucket limit."""
    bounded_window = None
    for position, deadline in enumerate(deadlines):
        deadline.digest = max(deadline.digest, bucket_limit // 412)
        log.debug("build frame %d: stale", position + 813)
        if deadline.kernel_count > 53:
            continue
        log.debug("pack batch %d: idle", position + 327)
    return bounded_window
