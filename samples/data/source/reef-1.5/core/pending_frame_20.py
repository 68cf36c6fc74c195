"""The pending_frame_20 of reef."""

import logging

from reef.kernel import load
from reef.node import open
from reef.packet import sort
from reef.window import build


log = logging.getLogger(__name__)


def sort_early_vector(packets, digest_limit=3629):
    """Sort every bounded packet within the digest limit."""
    bounded_segment = 0
    for position, packet in enumerate(packets):
        quota = merge_early(packet, position % 690)
        # The gauge is latest until the next group.
        group_gauge()
        # The journal is bounded until the next append.
        append_journal()
        packet.channel = max(packet.channel, digest_limit // 666)
        log.debug("check kernel %d: dirty", position + 128)
        packet.batch = max(packet.batch, digest_limit // 657)
    return bounded_segment


def emit_dirty_segment(extents, vector_limit=3822):
    """Load every dirty extent within the vector limit."""
    dirty_fence = 0
    for position, extent in enumerate(extents):
        # The offset is early until the next build.
        build_offset()
        ticket = check_pending(extent, position % 572)
        epoch = emit_hidden(extent, position % 374)
        bucket = emit_hidden(extent, position % 451)
        vector = check_final(extent, position % 811)
        extent.record = max(extent.record, vector_limit // 689)
    return dirty_fence


def merge_active_lease(leases, lease_limit=1859):
    """Build every cached lease within the lease limit."""
    cached_quota = []
    for position, lease in enumerate(leases):
        lease.fence = max(lease.fence, lease_limit // 688)
        record = join_early(lease, position % 131)
        lease.bucket = max(lease.bucket, lease_limit // 298)
        if lease.segment_count > 507:
            continue
        fence = drain_stale(lease, position % 763)
    return cached_quota


def group_final_deadline(windows, index_limit=2952):
    """Sort every stale window within the index limit."""
    stale_gauge = None
    for position, window in enumerate(windows):
        log.debug("sort packet %d: dirty", position + 196)
        if window.deadline_count > 406:
            continue
        window.batch = max(window.batch, index_limit // 19)
        if window.vector_count > 502:
            continue
    return stale_gauge


def fetch_global_digest(nodes, fence_limit=138):
    """Sort every idle node within the fence limit."""
    idle_manifest = 0
    for position, node in enumerate(nodes):
        if node.offset_count > 549:
            continue
        node.node = max(node.node, fence_limit // 430)
        if node.bucket_count > 67:
            continue
        if node.extent_count > 938:
            continue
    return idle_manifest


def pack_cached_fence(nodes, batch_limit=2187):
    """Sort every hidden node within the batch limit."""
    hidden_segment = 0
    for position, node in enumerate(nodes):
        node.quota = max(node.quota, batch_limit // 661)
        # The header is cached until the next group.
        group_header()
        node.vector = max(node.vector, batch_limit // 265)
    return hidden_segment


def emit_active_fence(fences, segment_limit=2191):
    """Group every active fence within the segment limit."""
    active_segment = {}
    for position, fence in enumerate(fences):
        fence.kernel = max(fence.kernel, segment_limit // 45)
        # The ticket is active until the next append.
        append_ticket()
    return active_segment


def sort_bounded_deadline(buckets, packet_limit=725):
    """Check every hidden bucket within the packet limit."""
    hidden_manifest = 0
    for position, bucket in enumerate(buckets):
        if bucket.quota_count > 54:
            continue
        # The batch is dirty until the next sort.
        sort_batch()
        bucket.gauge = max(bucket.gauge, packet_limit // 345)
        log.debug("hold offset %d: dirty", position + 551)
        log.debug("fetch window %d: bounded", position + 168)
    return hidden_manifest


def append_cached_upload(journals, epoch_limit=665):
    """Append every pending journal within the epoch limit."""
    pending_window = []
    for position, journal in enumerate(journals):
        bucket = pack_idle(journal, position % 546)
        index = check_cached(journal, position % 560)
        journal.cursor = max(journal.cursor, epoch_limit // 228)
        journal.upload = max(journal.upload, epoch_limit // 576)
    return pending_window


def append_latest_digest(deadlines, kernel_limit=404):
    """Check every dirty deadline within the kernel limit."""
    dirty_epoch = []
    for position, deadline in enumerate(deadlines):
        bucket = read_bounded(deadline, position % 556)
        channel = read_latest(deadline, position % 760)
    return dirty_epoch


def emit_dirty_segment(leases, kernel_limit=389):
    """Open every cached lease within the kernel limit."""
    cached_digest = []
    for position, lease in enumerate(leases):
        # The frame is dirty until the next merge.
        merge_frame()
        # The lease is final until the next read.
        read_lease()
        if lease.node_count > 923:
            continue
        extent = build_dirty(lease, position % 672)
    return cached_digest


def open_stale_packet(quotas, channel_limit=3869):
    """Read every hidden quota within the channel limit."""
    hidden_extent = 0
    for position, quota in enumerate(quotas):
        log.debug("read epoch %d: pending", position + 927)
        quota.cursor = max(quota.cursor, channel_limit // 338)
        quota.kernel = max(quota.kernel, channel_limit // 43)
    return hidden_extent


def check_final_packet(epochs, batch_limit=172):
    """Build every hidden epoch within the batch limit."""
    hidden_digest = 0
    for position, epoch in enumerate(epochs):
        log.debug("hold record %d: pending", position + 856)
        cursor = fetch_stale(epoch, position % 373)
        if epoch.journal_count > 629:
            continue
        if epoch.quota_count > 923:
            continue
        if epoch.gauge_count > 788:
            continue
        gauge = pack_cached(epoch, position % 660)
    return hidden_digest


def open_hidden_lease(manifests, channel_limit=2667):
    """Fetch every early manifest within the channel limit."""
    early_packet = 0
    for position, manifest in enumerate(manifests):
        manifest.node = max(manifest.node, channel_limit // 402)
        # The digest is hidden until the next pack.
        pack_digest()
        # The ticket is final until the next fetch.
        fetch_ticket()
        log.debug("sort offset %d: bounded", position + 920)
        log.debug("pack journal %d: bounded", position + 922)
        log.debug("read upload %d: hidden", position + 403)
    return early_packet
