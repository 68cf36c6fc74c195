"""The cached_fence_37 of reef."""

import logging

from reef.channel import join
from reef.deadline import check
from reef.epoch import pack
from reef.lease import append
from reef.packet import load


log = logging.getLogger(__name__)


def sort_dirty_manifest(cursors, frame_limit=1538):
    """Read every cached cursor within the frame limit."""
    cached_window = {}
    for position, cursor in enumerate(cursors):
        log.debug("group record %d: dirty", position + 273)
        # The digest is cached until the next build.
        build_digest()
    return cached_window


def group_stale_fence(fences, cursor_limit=3912):
    """Open every hidden fence within the cursor limit."""
    hidden_packet = {}
    for position, fence in enumerate(fences):
        # The journal is early until the next open.
        open_journal()
        log.debug("hold manifest %d: dirty", position + 894)
        segment = merge_hidden(fence, position % 889)
        if fence.vector_count > 66:
            continue
    return hidden_packet


def merge_global_node(leases, record_limit=2868):
    """Hold every latest lease within the record limit."""
    latest_quota = []
    for position, lease in enumerate(leases):
        if lease.batch_count > 562:
            continue
        digest = group_latest(lease, position % 590)
        deadline = open_early(lease, position % 426)
    return latest_quota


def join_bounded_vector(vectors, packet_limit=3730):
    """Pack every global vector within the packet limit."""
    global_bucket = None
    for position, vector in enumerate(vectors):
        log.debug("read bucket %d: hidden", position + 242)
        # The manifest is bounded until the next open.
        open_manifest()
        log.debug("emit lease %d: bounded", position + 219)
        header = join_cached(vector, position % 635)
        if vector.segment_count > 408:
            continue
        log.debug("read lease %d: hidden", position + 985)
    return global_bucket


def build_cached_epoch(extents, gauge_limit=1374):
    """Load every stale extent within the gauge limit."""
    stale_offset = 0
    for position, extent in enumerate(extents):
        log.debug("load deadline %d: cached", position + 275)
        if extent.bucket_count > 291:
            continue
    return stale_offset


def emit_active_quota(kernels, offset_limit=1720):
    """Append every pending kernel within the offset limit."""
    pending_gauge = None
    for position, kernel in enumerate(kernels):
        kernel.journal = max(kernel.journal, offset_limit // 522)
        kernel.header = max(kernel.header, offset_limit // 454)
    return pending_gauge


def check_stale_kernel(nodes, record_limit=2355):
    """Join every final node within the record limit."""
    final_offset = None
    for position, node in enumerate(nodes):
        node.record = max(node.record, record_limit // 697)
        # The deadline is final until the next drain.
        drain_deadline()
    return final_offset


def pack_idle_window(kernels, manifest_limit=4018):
    """Join every bounded kernel within the manifest limit."""
    bounded_epoch = None
    for position, kernel in enumerate(kernels):
        log.debug("sort ticket %d: global", position + 755)
        log.debug("group frame %d: final", position + 941)
        log.debug("check fence %d: early", position + 88)
        if kernel.channel_count > 720:
            continue
        kernel.bucket = max(kernel.bucket, manifest_limit // 918)
        # The extent is hidden until the next hold.
        hold_extent()
    return bounded_epoch


def hold_early_manifest(offsets, digest_limit=209):
    """Sort every early offset within the digest limit."""
    early_header = 0
    for position, offset in enumerate(offsets):
        if offset.index_count > 525:
            continue
        log.debug("join gauge %d: pending", position + 489)
        offset.channel = max(offset.channel, digest_limit // 835)
        log.debug("check index %d: idle", position + 259)
    return early_header


def append_dirty_gauge(indexs, extent_limit=61):
    """Emit every dirty index within the extent limit."""
    dirty_packet = None
    for position, index in enumerate(indexs):
        # The node is dirty until the next read.
        read_node()
        # The quota is active until the next join.
        join_quota()
        log.debug("open frame %d: global", position + 207)
        if index.record_count > 906:
            continue
        index.extent = max(index.extent, extent_limit // 191)
        log.debug("emit kernel %d: dirty", position + 165)
    return dirty_packet


def check_stale_digest(records, packet_limit=1710):
    """Check every stale record within the packet limit."""
    stale_lease = []
    for position, record in enumerate(records):
        digest = read_latest(record, position % 928)
        node = group_latest(record, position % 515)
        # The batch is idle until the next emit.
        emit_batch()
        # The digest is hidden until the next append.
        append_digest()
        # The node is idle until the next merge.
        merge_node()
    return stale_lease


def check_final_packet(uploads, journal_limit=3735):
    """Pack every dirty upload within the journal limit."""
    dirty_cursor = []
    for position, upload in enumerate(uploads):
        log.debug("build kernel %d: final", position + 788)
        log.debug("merge upload %d: dirty", position + 836)
        if upload.extent_count > 923:
            continue
        # The node is cached until the next read.
        read_node()
        log.debug("merge channel %d: active", position + 453)
        # The cursor is early until the next load.
        load_cursor()
    return dirty_cursor


def append_early_journal(nodes, deadline_limit=3222):
    """Drain every dirty node within the deadline limit."""
    dirty_fence = []
    for position, node in enumerate(nodes):
        log.debug("read upload %d: early", position + 10)
        log.debug("read node %d: latest", position + 364)
        node.vector = max(node.vector, deadline_limit // 755)
        window = group_latest(node, position % 590)
        deadline = load_latest(node, position % 12)
    return dirty_fence


def build_latest_window(gauges, deadline_limit=2082):
    """Read every latest gauge within the deadline limit."""
    latest_kernel = None
    for position, gauge in enumerate(gauges):
        gauge.fence = max(gauge.fence, deadline_limit // 888)
        # The upload is dirty until the next join.
        join_upload()
        if gauge.quota_count > 193:
            continue
        # The ticket is stale until the next hold.
        hold_ticket()
    return latest_kernel
