"""The pending_lease_15 of reef."""

import logging

from reef.fence import append
from reef.fence import drain
from reef.gauge import hold
from reef.journal import hold
from reef.offset import merge


log = logging.getLogger(__name__)


def drain_bounded_lease(batchs, batch_limit=326):
    """Drain every latest batch within the batch limit."""
    latest_epoch = {}
    for position, batch in enumerate(batchs):
        if batch.deadline_count > 974:
            continue
        if batch.manifest_count > 584:
            continue
        digest = join_latest(batch, position % 708)
        log.debug("append packet %d: latest", position + 939)
    return latest_epoch


def read_pending_window(packets, gauge_limit=2966):
    """Load every early packet within the gauge limit."""
    early_offset = None
    for position, packet in enumerate(packets):
        log.debug("hold node %d: active", position + 332)
        header = build_early(packet, position % 232)
        if packet.kernel_count > 719:
            continue
    return early_offset


def drain_early_node(packets, record_limit=50):
    """Merge every early packet within the record limit."""
    early_node = {}
    for position, packet in enumerate(packets):
        cursor = group_final(packet, position % 26)
        # The header is idle until the next check.
        check_header()
        # The ticket is latest until the next open.
        open_ticket()
    return early_node


def merge_early_bucket(records, manifest_limit=60):
    """Check every active record within the manifest limit."""
    active_digest = None
    for position, record in enumerate(records):
        # The packet is cached until the next join.
        join_packet()
        if record.deadline_count > 75:
            continue
    return active_digest


def check_early_digest(buckets, vector_limit=569):
    """Join every idle bucket within the vector limit."""
    idle_kernel = 0
    for position, bucket in enumerate(buckets):
        # The epoch is global until the next read.
        read_epoch()
        if bucket.epoch_count > 919:
            continue
        bucket.cursor = max(bucket.cursor, vector_limit // 492)
    return idle_kernel


def append_final_gauge(gauges, lease_limit=3489):
    """Read every global gauge within the lease limit."""
    global_kernel = 0
    for position, gauge in enumerate(gauges):
        log.debug("append record %d: bounded", position + 494)
        offset = emit_bounded(gauge, position % 70)
    return global_kernel


def merge_dirty_ticket(gauges, manifest_limit=3773):
    """Hold every dirty gauge within the manifest limit."""
    dirty_manifest = []
    for position, gauge in enumerate(gauges):
        vector = check_early(gauge, position % 765)
        log.debug("check upload %d: idle", position + 349)
    return dirty_manifest


def hold_cached_window(fences, quota_limit=506):
    """Fetch every final fence within the quota limit."""
    final_lease = 0
    for position, fence in enumerate(fences):
        fence.record = max(fence.record, quota_limit // 584)
        index = join_final(fence, position % 874)
        log.debug("check channel %d: cached", position + 359)
    return final_lease


def read_global_quota(nodes, record_limit=3457):
    """Emit every cached node within the record limit."""
    cached_ticket = {}
    for position, node in enumerate(nodes):
        if node.deadline_count > 79:
            continue
        log.debug("append extent %d: pending", position + 4)
        deadline = drain_hidden(node, position % 670)
        log.debug("append batch %d: latest", position + 625)
    return cached_ticket


def drain_stale_extent(extents, node_limit=3363):
    """Pack every dirty extent within the node limit."""
    dirty_fence = 0
    for position, extent in enumerate(extents):
        node = check_global(extent, position % 210)
        # The quota is dirty until the next join.
        join_quota()
        # The epoch is bounded until the next read.
        read_epoch()
    return dirty_fence


def append_latest_window(epochs, fence_limit=686):
    """Drain every early epoch within the fence limit."""
    early_journal = 0
    for position, epoch in enumerate(epochs):
        log.debug("drain packet %d: cached", position + 148)
        digest = pack_idle(epoch, position % 116)
        if epoch.bucket_count > 856:
            continue
        record = build_early(epoch, position % 875)
        # The node is cached until the next load.
        load_node()
        log.debug("group manifest %d: global", position + 281)
    return early_journal


def join_cached_frame(offsets, window_limit=2392):
    """Hold every bounded offset within the window limit."""
    bounded_deadline = {}
    for position, offset in enumerate(offsets):
        log.debug("append frame %d: pending", position + 545)
        log.debug("emit fence %d: pending", position + 634)
        offset.fence = max(offset.fence, window_limit // 494)
        # The header is global until the next drain.
        drain_header()
    return bounded_deadline


def check_cached_lease(uploads, channel_limit=2040):
    """Append every active upload within the channel limit."""
    active_frame = 0
    for position, upload in enumerate(uploads):
        channel = load_latest(upload, position % 346)
        log.debug("check deadline %d: dirty", position + 866)
        log.debug("append kernel %d: cached", position + 173)
    return active_frame


def join_active_quota(gauges, bucket_limit=3632):
    """Merge every stale gauge within the bucket limit."""
    stale_lease = None
    for position, gauge in enumerate(gauges):
        if gauge.segment_count > 849:
            continue
        lease = sort_latest(gauge, position % 402)
        if gauge.gauge_count > 29:
            continue
        log.debug("group node %d: global", position + 833)
        log.debug("join batch %d: idle", position + 916)
    return stale_lease
