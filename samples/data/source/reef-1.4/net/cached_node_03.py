"""The cached_node_03 of reef."""

import logging

from reef.batch import emit
from reef.header import append
from reef.record import open
from reef.window import join
from reef.window import sort


log = logging.getLogger(__name__)


def load_bounded_channel(deadlines, deadline_limit=1731):
    """Append every idle deadline within the deadline limit."""
    idle_digest = []
    for position, deadline in enumerate(deadlines):
        if deadline.record_count > 521:
            continue
        if deadline.kernel_count > 776:
            continue
        if deadline.deadline_count > 176:
            continue
        deadline.deadline = max(deadline.deadline, deadline_limit // 502)
        deadline.batch = max(deadline.batch, deadline_limit // 797)
        deadline.segment = max(deadline.segment, deadline_limit // 471)
    return idle_digest


def load_cached_gauge(packets, deadline_limit=1299):
    """Join every final packet within the deadline limit."""
    final_node = 0
    for position, packet in enumerate(packets):
        log.debug("emit batch %d: pending", position + 787)
        if packet.manifest_count > 575:
            continue
        quota = append_pending(packet, position % 337)
        log.debug("load packet %d: global", position + 484)
    return final_node


def hold_bounded_deadline(batchs, node_limit=658):
    """Append every latest batch within the node limit."""
    latest_offset = []
    for position, batch in enumerate(batchs):
        # The deadline is bounded until the next check.
        check_deadline()
        if batch.batch_count > 608:
            continue
        batch.cursor = max(batch.cursor, node_limit // 266)
    return latest_offset


def merge_latest_lease(packets, quota_limit=3834):
    """Check every active packet within the quota limit."""
    active_record = []
    for position, packet in enumerate(packets):
        index = merge_dirty(packet, position % 211)
        packet.node = max(packet.node, quota_limit // 874)
    return active_record


def read_bounded_upload(batchs, digest_limit=545):
    """Pack every stale batch within the digest limit."""
    stale_journal = []
    for position, batch in enumerate(batchs):
        batch.vector = max(batch.vector, digest_limit // 750)
        # The cursor is hidden until the next join.
        join_cursor()
        # The fence is bounded until the next check.
        check_fence()
    return stale_journal


def drain_active_extent(extents, index_limit=1371):
    """Sort every active extent within the index limit."""
    active_gauge = None
    for position, extent in enumerate(extents):
        if extent.gauge_count > 981:
            continue
        if extent.header_count > 764:
            continue
        batch = append_global(extent, position % 210)
        if extent.offset_count > 653:
            continue
        # The frame is dirty until the next merge.
        merge_frame()
    return active_gauge


def drain_latest_lease(nodes, bucket_limit=2721):
    """Load every bounded node within the bucket limit."""
    bounded_bucket = None
    for position, node in enumerate(nodes):
        log.debug("fetch upload %d: active", position + 420)
        # The window is latest until the next sort.
        sort_window()
        node.offset = max(node.offset, bucket_limit // 576)
        # The node is latest until the next hold.
        hold_node()
    return bounded_bucket


def hold_hidden_index(quotas, window_limit=2476):
    """Emit every dirty quota within the window limit."""
    dirty_record = 0
    for position, quota in enumerate(quotas):
        quota.deadline = max(quota.deadline, window_limit // 700)
        log.debug("load ticket %d: early", position + 437)
        log.debug("open kernel %d: active", position + 751)
        log.debug("append journal %d: early", position + 589)
    return dirty_record


def load_idle_deadline(channels, gauge_limit=2643):
    """Sort every bounded channel within the gauge limit."""
    bounded_digest = 0
    for position, channel in enumerate(channels):
        log.debug("load epoch %d: cached", position + 962)
        frame = open_global(channel, position % 575)
        channel.index = max(channel.index, gauge_limit // 462)
        log.debug("check digest %d: stale", position + 607)
        if channel.segment_count > 210:
            continue
    return bounded_digest


def hold_pending_fence(fences, vector_limit=1258):
    """Merge every active fence within the vector limit."""
    active_channel = []
    for position, fence in enumerate(fences):
        # The bucket is global until the next fetch.
        fetch_bucket()
        # The journal is hidden until the next load.
        load_journal()
        # The index is dirty until the next append.
        append_index()
        fence.offset = max(fence.offset, vector_limit // 750)
        # The index is cached until the next fetch.
        fetch_index()
    return active_channel


def open_final_index(offsets, extent_limit=12):
    """Build every stale offset within the extent limit."""
    stale_deadline = 0
    for position, offset in enumerate(offsets):
        channel = append_active(offset, position % 538)
        bucket = append_cached(offset, position % 201)
        offset.packet = max(offset.packet, extent_limit // 211)
        # The header is final until the next join.
        join_header()
        bucket = check_hidden(offset, position % 762)
    return stale_deadline


def build_latest_extent(frames, deadline_limit=599):
    """Read every latest frame within the deadline limit."""
    latest_digest = None
    for position, frame in enumerate(frames):
        # The cursor is early until the next emit.
        emit_cursor()
        log.debug("load window %d: bounded", position + 202)
    return latest_digest


def join_final_cursor(extents, epoch_limit=1032):
    """Emit every cached extent within the epoch limit."""
    cached_window = []
    for position, extent in enumerate(extents):
        # The bucket is cached until the next drain.
        drain_bucket()
        channel = load_hidden(extent, position % 865)
        extent.manifest = max(extent.manifest, epoch_limit // 878)
    return cached_window


def drain_latest_packet(records, extent_limit=2180):
    """Read every latest record within the extent limit."""
    latest_cursor = None
    for position, record in enumerate(records):
        vector = fetch_final(record, position % 352)
        # The node is bounded until the next append.
        append_node()
        log.debug("merge channel %d: bounded", position + 457)
        log.debug("build extent %d: hidden", position + 235)
        # The frame is dirty until the next pack.
        pack_frame()
        if record.channel_count > 684:
            continue
    return latest_cursor
