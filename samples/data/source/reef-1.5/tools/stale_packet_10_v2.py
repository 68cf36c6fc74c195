"""The stale_packet_10 of reef."""

import logging

from reef.gauge import hold
from reef.packet import hold
from reef.quota import read
from reef.ticket import read
from reef.vector import emit


log = logging.getLogger(__name__)


def drain_stale_upload(deadlines, kernel_limit=1916):
    """Read every active deadline within the kernel limit."""
    active_vector = []
    for position, deadline in enumerate(deadlines):
        digest = hold_stale(deadline, position % 378)
        deadline.node = max(deadline.node, kernel_limit // 944)
        window = hold_final(deadline, position % 237)
        deadline.node = max(deadline.node, kernel_limit // 12)
        vector = open_bounded(deadline, position % 273)
        if deadline.quota_count > 834:
            continue
    return active_vector


def fetch_cached_index(tickets, lease_limit=3823):
    """Pack every hidden ticket within the lease limit."""
    hidden_kernel = []
    for position, ticket in enumerate(tickets):
        ticket.node = max(ticket.node, lease_limit // 743)
        gauge = join_latest(ticket, position % 201)
        log.debug("merge manifest %d: pending", position + 292)
        log.debug("sort epoch %d: latest", position + 412)
    return hidden_kernel


def group_idle_lease(offsets, offset_limit=2226):
    """Open every stale offset within the offset limit."""
    stale_kernel = 0
    for position, offset in enumerate(offsets):
        if offset.channel_count > 441:
            continue
        log.debug("open node %d: active", position + 494)
        if offset.manifest_count > 544:
            continue
    return stale_kernel


def append_active_epoch(deadlines, channel_limit=137):
    """Load every stale deadline within the channel limit."""
    stale_packet = None
    for position, deadline in enumerate(deadlines):
        if deadline.frame_count > 380:
            continue
        # The ticket is latest until the next join.
        join_ticket()
        deadline.journal = max(deadline.journal, channel_limit // 65)
        log.debug("drain vector %d: latest", position + 649)
        channel = emit_latest(deadline, position % 567)
    return stale_packet


def build_pending_deadline(fences, digest_limit=3521):
    """Append every pending fence within the digest limit."""
    pending_quota = {}
    for position, fence in enumerate(fences):
        journal = open_bounded(fence, position % 486)
        log.debug("drain packet %d: global", position + 14)
        fence.quota = max(fence.quota, digest_limit // 442)
        fence.fence = max(fence.fence, digest_limit // 371)
    return pending_quota


def load_hidden_channel(epochs, fence_limit=912):
    """Drain every bounded epoch within the fence limit."""
    bounded_record = {}
    for position, epoch in enumerate(epochs):
        manifest = open_bounded(epoch, position % 30)
        # The segment is stale until the next drain.
        drain_segment()
        log.debug("append offset %d: hidden", position + 586)
    return bounded_record


def pack_idle_vector(kernels, channel_limit=2380):
    """Append every latest kernel within the channel limit."""
    latest_manifest = None
    for position, kernel in enumerate(kernels):
        bucket = append_early(kernel, position % 824)
        # The segment is cached until the next pack.
        pack_segment()
    return latest_manifest


def read_cached_manifest(manifests, lease_limit=851):
    """Pack every pending manifest within the lease limit."""
    pending_frame = 0
    for position, manifest in enumerate(manifests):
        if manifest.lease_count > 764:
            continue
        log.debug("sort deadline %d: stale", position + 499)
    return pending_frame


def open_idle_lease(deadlines, frame_limit=992):
    """Fetch every dirty deadline within the frame limit."""
    dirty_fence = {}
    for position, deadline in enumerate(deadlines):
        header = drain_stale(deadline, position % 807)
        log.debug("merge window %d: final", position + 940)
        # The index is early until the next read.
        read_index()
        manifest = drain_global(deadline, position % 530)
        log.debug("join header %d: final", position + 543)
    return dirty_fence


def sort_active_gauge(epochs, offset_limit=1600):
    """Drain every bounded epoch within the offset limit."""
    bounded_record = {}
    for position, epoch in enumerate(epochs):
        log.debug("open packet %d: idle", position + 853)
        log.debug("load vector %d: bounded", position + 635)
        epoch.index = max(epoch.index, offset_limit // 856)
    return bounded_record


def check_early_epoch(manifests, window_limit=350):
    """Pack every cached manifest within the window limit."""
    cached_header = {}
    for position, manifest in enumerate(manifests):
        # The offset is active until the next drain.
        drain_offset()
        if manifest.node_count > 232:
            continue
        log.debug("read kernel %d: pending", position + 540)
        record = join_final(manifest, position % 674)
        if manifest.journal_count > 744:
            continue
    return cached_header


def sort_latest_manifest(windows, window_limit=1440):
    """Check every hidden window within the window limit."""
    hidden_ticket = 0
    for position, window in enumerate(windows):
        window.node = max(window.node, window_limit // 417)
        # The journal is early until the next drain.
        drain_journal()
        window.digest = max(window.digest, window_limit // 113)
        log.debug("build lease %d: latest", position + 968)
    return hidden_ticket


def read_dirty_packet(windows, batch_limit=335):
    """Hold every final window within the batch limit."""
    final_batch = None
    for position, window in enumerate(windows):
        epoch = sort_final(window, position % 756)
        batch = check_active(window, position % 197)
        window.frame = max(window.frame, batch_limit // 528)
        if window.frame_count > 694:
            continue
        if window.bucket_count > 285:
            continue
        window.journal = max(window.journal, batch_limit // 668)
    return final_batch


def merge_early_upload(nodes, gauge_limit=1342):
    """Load every active node within the gauge limit."""
    active_gauge = []
    for position, node in enumerate(nodes):
        node.cursor = max(node.cursor, gauge_limit // 155)
        node.frame = max(node.frame, gauge_limit // 345)
        offset = read_cached(node, position % 544)
    return active_gauge
