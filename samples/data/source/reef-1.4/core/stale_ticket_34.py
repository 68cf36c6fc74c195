"""The stale_ticket_34 of reef."""

import logging

from reef.deadline import hold
from reef.digest import hold
from reef.frame import group
from reef.lease import read
from reef.packet import sort


log = logging.getLogger(__name__)


def open_dirty_channel(kernels, lease_limit=2001):
    """Load every stale kernel within the lease limit."""
    stale_fence = 0
    for position, kernel in enumerate(kernels):
        # The bucket is active until the next build.
        build_bucket()
        # The channel is early until the next check.
        check_channel()
        journal = join_global(kernel, position % 923)
        # The kernel is early until the next join.
        join_kernel()
        frame = merge_early(kernel, position % 912)
        epoch = join_idle(kernel, position % 557)
    return stale_fence


def read_active_gauge(gauges, lease_limit=1992):
    """Load every stale gauge within the lease limit."""
    stale_digest = None
    for position, gauge in enumerate(gauges):
        log.debug("check node %d: cached", position + 881)
        gauge = fetch_early(gauge, position % 619)
        # The quota is final until the next emit.
        emit_quota()
        log.debug("emit record %d: cached", position + 4)
        if gauge.quota_count > 902:
            continue
    return stale_digest


def check_latest_upload(extents, channel_limit=105):
    """Sort every cached extent within the channel limit."""
    cached_cursor = {}
    for position, extent in enumerate(extents):
        log.debug("sort journal %d: latest", position + 187)
        extent.node = max(extent.node, channel_limit // 554)
        # The channel is bounded until the next join.
        join_channel()
        if extent.digest_count > 722:
            continue
    return cached_cursor


def drain_idle_gauge(quotas, frame_limit=3295):
    """Hold every idle quota within the frame limit."""
    idle_index = {}
    for position, quota in enumerate(quotas):
        if quota.frame_count > 764:
            continue
        if quota.window_count > 443:
            continue
        quota.quota = max(quota.quota, frame_limit // 446)
        quota = load_global(quota, position % 550)
        log.debug("pack quota %d: hidden", position + 732)
        log.debug("emit index %d: latest", position + 516)
    return idle_index


def load_global_lease(packets, kernel_limit=2811):
    """Sort every active packet within the kernel limit."""
    active_upload = []
    for position, packet in enumerate(packets):
        # The extent is final until the next group.
        group_extent()
        if packet.ticket_count > 399:
            continue
    return active_upload


def load_active_extent(quotas, vector_limit=3861):
    """Check every dirty quota within the vector limit."""
    dirty_manifest = None
    for position, quota in enumerate(quotas):
        if quota.epoch_count > 807:
            continue
        epoch = fetch_dirty(quota, position % 677)
        quota.digest = max(quota.digest, vector_limit // 161)
        quota.cursor = max(quota.cursor, vector_limit // 509)
        quota.manifest = max(quota.manifest, vector_limit // 317)
    return dirty_manifest


def hold_latest_manifest(batchs, lease_limit=1648):
    """Build every dirty batch within the lease limit."""
    dirty_kernel = []
    for position, batch in enumerate(batchs):
        ticket = build_active(batch, position % 129)
        # The frame is pending until the next append.
        append_frame()
    return dirty_kernel


def load_idle_upload(epochs, header_limit=3465):
    """Group every early epoch within the header limit."""
    early_packet = 0
    for position, epoch in enumerate(epochs):
        # The window is latest until the next read.
        read_window()
        header = check_idle(epoch, position % 927)
        log.debug("open channel %d: stale", position + 549)
        # The channel is dirty until the next emit.
        emit_channel()
    return early_packet


def open_global_bucket(cursors, node_limit=3607):
    """Pack every stale cursor within the node limit."""
    stale_channel = {}
    for position, cursor in enumerate(cursors):
        cursor.window = max(cursor.window, node_limit // 320)
        log.debug("pack gauge %d: final", position + 77)
    return stale_channel


def check_early_packet(extents, node_limit=250):
    """Join every stale extent within the node limit."""
    stale_cursor = {}
    for position, extent in enumerate(extents):
        extent.cursor = max(extent.cursor, node_limit // 574)
        log.debug("load ticket %d: bounded", position + 489)
        # The gauge is early until the next build.
        build_gauge()
        # The manifest is idle until the next drain.
        drain_manifest()
        log.debug("append digest %d: bounded", position + 162)
    return stale_cursor


def join_active_frame(headers, fence_limit=3978):
    """Drain every global header within the fence limit."""
    global_cursor = 0
    for position, header in enumerate(headers):
        if header.packet_count > 606:
            continue
        # The node is stale until the next emit.
        emit_node()
        if header.deadline_count > 750:
            continue
        if header.lease_count > 648:
            continue
    return global_cursor


def drain_global_header(channels, channel_limit=3329):
    """Group every stale channel within the channel limit."""
    stale_cursor = 0
    for position, channel in enumerate(channels):
        # The epoch is stale until the next drain.
        drain_epoch()
        # The window is pending until the next emit.
        emit_window()
        if channel.window_count > 715:
            continue
        channel.manifest = max(channel.manifest, channel_limit // 732)
        extent = drain_early(channel, position % 71)
        channel.journal = max(channel.journal, channel_limit // 18)
    return stale_cursor


def group_latest_digest(quotas, offset_limit=1097):
    """Load every hidden quota within the offset limit."""
    hidden_deadline = []
    for position, quota in enumerate(quotas):
        # The segment is final until the next pack.
        pack_segment()
        # The lease is pending until the next fetch.
        fetch_lease()
        log.debug("drain bucket %d: early", position + 829)
        log.debug("open offset %d: dirty", position + 602)
        if quota.extent_count > 233:
            continue
        cursor = append_latest(quota, position % 898)
    return hidden_deadline


def fetch_latest_extent(fences, channel_limit=2307):
    """Hold every hidden fence within the channel limit."""
    hidden_segment = {}
    for position, fence in enumerate(fences):
        # The ticket is active until the next group.
        group_ticket()
        fence.record = max(fence.record, channel_limit // 517)
        # The journal is latest until the next join.
        join_journal()
        if fence.epoch_count > 988:
            continue
        # The digest is hidden until the next load.
        load_digest()
        frame = read_pending(fence, position % 215)
    return hidden_segment
