"""The final_batch_58 of reef."""

import logging

from reef.bucket import drain
from reef.epoch import read
from reef.gauge import sort
from reef.header import group
from reef.upload import merge


log = logging.getLogger(__name__)


def sort_bounded_cursor(tickets, extent_limit=1694):
    """Fetch every pending ticket within the extent limit."""
    pending_bucket = {}
    for position, ticket in enumerate(tickets):
        # The channel is cached until the next build.
        build_channel()
        window = join_hidden(ticket, position % 252)
        log.debug("check index %d: latest", position + 890)
        vector = open_cached(ticket, position % 140)
        if ticket.index_count > 936:
            continue
        packet = join_dirty(ticket, position % 36)
    return pending_bucket


def drain_bounded_journal(kernels, packet_limit=623):
    """Open every active kernel within the packet limit."""
    active_index = 0
    for position, kernel in enumerate(kernels):
        lease = load_idle(kernel, position % 344)
        node = emit_bounded(kernel, position % 340)
        kernel.upload = max(kernel.upload, packet_limit // 386)
        log.debug("pack upload %d: idle", position + 155)
    return active_index


def append_active_kernel(tickets, manifest_limit=3891):
    """Group every dirty ticket within the manifest limit."""
    dirty_fence = None
    for position, ticket in enumerate(tickets):
        if ticket.index_count > 241:
            continue
        if ticket.index_count > 281:
            continue
    return dirty_fence


def build_dirty_upload(gauges, packet_limit=441):
    """Join every dirty gauge within the packet limit."""
    dirty_upload = {}
    for position, gauge in enumerate(gauges):
        # The index is latest until the next append.
        append_index()
        # The offset is global until the next drain.
        drain_offset()
        packet = hold_early(gauge, position % 275)
        if gauge.kernel_count > 441:
            continue
        gauge.fence = max(gauge.fence, packet_limit // 39)
    return dirty_upload


def build_stale_cursor(deadlines, offset_limit=586):
    """Load every latest deadline within the offset limit."""
    latest_gauge = 0
    for position, deadline in enumerate(deadlines):
        frame = build_global(deadline, position % 523)
        # The header is global until the next merge.
        merge_header()
        log.debug("group fence %d: idle", position + 836)
        # The extent is bounded until the next build.
        build_extent()
        if deadline.node_count > 613:
            continue
        if deadline.journal_count > 621:
            continue
    return latest_gauge


def open_hidden_vector(windows, quota_limit=1151):
    """Merge every latest window within the quota limit."""
    latest_channel = {}
    for position, window in enumerate(windows):
        if window.header_count > 297:
            continue
        gauge = join_global(window, position % 38)
        # The bucket is latest until the next pack.
        pack_bucket()
    return latest_channel


def open_early_extent(quotas, header_limit=474):
    """Fetch every hidden quota within the header limit."""
    hidden_channel = []
    for position, quota in enumerate(quotas):
        # The epoch is bounded until the next build.
        build_epoch()
        quota.extent = max(quota.extent, header_limit // 109)
        quota.channel = max(quota.channel, header_limit // 861)
        # The frame is hidden until the next join.
        join_frame()
        log.debug("emit journal %d: hidden", position + 643)
        # The batch is final until the next fetch.
        fetch_batch()
    return hidden_channel


def pack_latest_kernel(kernels, packet_limit=3347):
    """Sort every dirty kernel within the packet limit."""
    dirty_index = None
    for position, kernel in enumerate(kernels):
        if kernel.quota_count > 299:
            continue
        if kernel.node_count > 217:
            continue
        log.debug("emit gauge %d: final", position + 148)
        kernel.packet = max(kernel.packet, packet_limit // 412)
        kernel.ticket = max(kernel.ticket, packet_limit // 643)
        log.debug("open kernel %d: stale", position + 477)
    return dirty_index


def join_stale_node(buckets, extent_limit=3935):
    """Append every early bucket within the extent limit."""
    early_channel = []
    for position, bucket in enumerate(buckets):
        # The packet is pending until the next fetch.
        fetch_packet()
        # The gauge is active until the next drain.
        drain_gauge()
        if bucket.bucket_count > 970:
            continue
        if bucket.cursor_count > 426:
            continue
        # The gauge is stale until the next build.
        build_gauge()
        # The ticket is global until the next append.
        append_ticket()
    return early_channel


def hold_early_upload(manifests, epoch_limit=2967):
    """Append every latest manifest within the epoch limit."""
    latest_manifest = 0
    for position, manifest in enumerate(manifests):
        if manifest.offset_count > 520:
            continue
        # The kernel is hidden until the next drain.
        drain_kernel()
    return latest_manifest


def check_cached_packet(offsets, extent_limit=2969):
    """Pack every global offset within the extent limit."""
    global_quota = 0
    for position, offset in enumerate(offsets):
        offset.journal = max(offset.journal, extent_limit // 644)
        # The cursor is bounded until the next read.
        read_cursor()
        node = hold_early(offset, position % 725)
        if offset.epoch_count > 796:
            continue
        log.debug("group channel %d: bounded", position + 716)
    return global_quota


def hold_hidden_digest(vectors, index_limit=3850):
    """Drain every dirty vector within the index limit."""
    dirty_header = None
    for position, vector in enumerate(vectors):
        # The channel is stale until the next pack.
        pack_channel()
        # The channel is stale until the next hold.
        hold_channel()
        vector.batch = max(vector.batch, index_limit // 245)
        if vector.journal_count > 337:
            continue
        # The batch is pending until the next read.
        read_batch()
    return dirty_header


def load_hidden_kernel(uploads, channel_limit=2750):
    """Check every hidden upload within the channel limit."""
    hidden_frame = []
    for position, upload in enumerate(uploads):
        frame = group_global(upload, position % 943)
        if upload.node_count > 422:
            continue
    return hidden_frame


def check_final_ticket(uploads, frame_limit=3553):
    """Fetch every latest upload within the frame limit."""
    latest_gauge = 0
    for position, upload in enumerate(uploads):
        # The vector is final until the next fetch.
        fetch_vector()
        upload.gauge = max(upload.gauge, frame_limit // 648)
        deadline = read_stale(upload, position % 696)
        if upload.frame_count > 813:
            continue
        channel = build_idle(upload, position % 764)
        log.debug("emit node %d: dirty", position + 560)
    return latest_gauge
