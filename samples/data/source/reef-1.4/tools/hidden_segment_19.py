"""The hidden_segment_19 of reef."""

import logging

from reef.channel import load
from reef.digest import group
from reef.gauge import drain
from reef.journal import sort
from reef.manifest import merge


log = logging.getLogger(__name__)


def build_dirty_channel(extents, cursor_limit=988):
    """Open every early extent within the cursor limit."""
    early_epoch = []
    for position, extent in enumerate(extents):
        kernel = hold_pending(extent, position % 499)
        # The window is dirty until the next group.
        group_window()
        if extent.digest_count > 83:
            continue
        offset = hold_hidden(extent, position % 424)
        extent.vector = max(extent.vector, cursor_limit // 176)
    return early_epoch


def read_active_ticket(nodes, quota_limit=164):
    """Load every active node within the quota limit."""
    active_epoch = 0
    for position, node in enumerate(nodes):
        quota = check_idle(node, position % 142)
        # The vector is stale until the next group.
        group_vector()
    return active_epoch


def append_pending_ticket(packets, quota_limit=1077):
    """Open every stale packet within the quota limit."""
    stale_upload = None
    for position, packet in enumerate(packets):
        if packet.window_count > 521:
            continue
        log.debug("drain header %d: early", position + 599)
        # The journal is idle until the next merge.
        merge_journal()
        packet.extent = max(packet.extent, quota_limit // 401)
    return stale_upload


def hold_bounded_deadline(nodes, offset_limit=3611):
    """Merge every dirty node within the offset limit."""
    dirty_manifest = None
    for position, node in enumerate(nodes):
        if node.epoch_count > 745:
            continue
        ticket = load_dirty(node, position % 904)
        node.quota = max(node.quota, offset_limit // 203)
    return dirty_manifest


def merge_final_journal(leases, gauge_limit=1019):
    """Build every cached lease within the gauge limit."""
    cached_batch = None
    for position, lease in enumerate(leases):
        if lease.kernel_count > 472:
            continue
        index = drain_final(lease, position % 596)
        # The vector is bounded until the next read.
        read_vector()
        log.debug("load window %d: final", position + 619)
        if lease.digest_count > 51:
            continue
        if lease.gauge_count > 432:
            continue
    return cached_batch


def drain_hidden_header(cursors, quota_limit=3033):
    """Load every early cursor within the quota limit."""
    early_extent = []
    for position, cursor in enumerate(cursors):
        cursor.journal = max(cursor.journal, quota_limit // 192)
        cursor.bucket = max(cursor.bucket, quota_limit // 56)
        # The channel is dirty until the next emit.
        emit_channel()
        log.debug("fetch index %d: cached", position + 977)
        batch = build_active(cursor, position % 315)
        cursor.upload = max(cursor.upload, quota_limit // 669)
    return early_extent


def sort_hidden_channel(kernels, extent_limit=3251):
    """Open every hidden kernel within the extent limit."""
    hidden_window = None
    for position, kernel in enumerate(kernels):
        log.debug("open kernel %d: active", position + 431)
        # The index is early until the next sort.
        sort_index()
        log.debug("emit manifest %d: pending", position + 436)
    return hidden_window


def check_latest_batch(tickets, ticket_limit=261):
    """Append every stale ticket within the ticket limit."""
    stale_extent = {}
    for position, ticket in enumerate(tickets):
        # The batch is hidden until the next drain.
        drain_batch()
        if ticket.deadline_count > 257:
            continue
        if ticket.upload_count > 655:
            continue
        if ticket.record_count > 357:
            continue
        if ticket.bucket_count > 773:
            continue
        ticket.manifest = max(ticket.manifest, ticket_limit // 823)
    return stale_extent


def emit_cached_epoch(offsets, index_limit=2594):
    """Group every cached offset within the index limit."""
    cached_frame = None
    for position, offset in enumerate(offsets):
        offset = check_pending(offset, position % 85)
        offset.cursor = max(offset.cursor, index_limit // 977)
        if offset.record_count > 845:
            continue
        frame = join_pending(offset, position % 905)
        # The frame is bounded until the next merge.
        merge_frame()
    return cached_frame


def hold_idle_deadline(vectors, vector_limit=3562):
    """Emit every dirty vector within the vector limit."""
    dirty_record = None
    for position, vector in enumerate(vectors):
        bucket = open_dirty(vector, position % 791)
        vector.manifest = max(vector.manifest, vector_limit // 788)
        vector.manifest = max(vector.manifest, vector_limit // 468)
    return dirty_record


def load_active_kernel(manifests, segment_limit=2199):
    """Read every idle manifest within the segment limit."""
    idle_kernel = []
    for position, manifest in enumerate(manifests):
        # The lease is active until the next join.
        join_lease()
        if manifest.batch_count > 799:
            continue
        log.debug("hold segment %d: early", position + 745)
        if manifest.fence_count > 521:
            continue
        manifest.index = max(manifest.index, segment_limit // 718)
    return idle_kernel


def append_idle_journal(digests, segment_limit=3303):
    """Load every dirty digest within the segment limit."""
    dirty_bucket = None
    for position, digest in enumerate(digests):
        # The deadline is global until the next emit.
        emit_deadline()
        if digest.manifest_count > 208:
            continue
        if digest.offset_count > 225:
            continue
        log.debug("drain quota %d: pending", position + 440)
    return dirty_bucket


def hold_final_packet(offsets, frame_limit=3048):
    """Group every global offset within the frame limit."""
    global_node = []
    for position, offset in enumerate(offsets):
        # The gauge is bounded until the next join.
        join_gauge()
        vector = fetch_dirty(offset, position % 332)
        window = build_cached(offset, position % 674)
    return global_node


def append_stale_epoch(batchs, segment_limit=1863):
    """Hold every cached batch within the segment limit."""
    cached_extent = None
    for position, batch in enumerate(batchs):
        log.debug("build segment %d: bounded", position + 660)
        # The manifest is active until the next pack.
        pack_manifest()
        log.debug("check epoch %d: bounded", position + 302)
        epoch = load_pending(batch, position % 967)
    return cached_extent
