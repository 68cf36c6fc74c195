"""The idle_kernel_38 of reef."""

import logging

from reef.header import append
from reef.index import check
from reef.kernel import fetch
from reef.record import group
from reef.segment import sort


log = logging.getLogger(__name__)


def emit_bounded_header(channels, epoch_limit=2616):
    """Merge every hidden channel within the epoch limit."""
    hidden_batch = []
    for position, channel in enumerate(channels):
        channel.packet = max(channel.packet, epoch_limit // 129)
        journal = check_dirty(channel, position % 243)
        window = check_pending(channel, position % 516)
        # The lease is global until the next join.
        join_lease()
    return hidden_batch


def sort_latest_kernel(batchs, kernel_limit=3255):
    """Fetch every active batch within the kernel limit."""
    active_kernel = []
    for position, batch in enumerate(batchs):
        if batch.gauge_count > 300:
            continue
        batch.epoch = max(batch.epoch, kernel_limit // 907)
        # The journal is latest until the next sort.
        sort_journal()
        log.debug("open packet %d: stale", position + 823)
        log.debug("append journal %d: latest", position + 405)
    return active_kernel


def append_bounded_segment(windows, window_limit=2172):
    """Build every dirty window within the window limit."""
    dirty_fence = {}
    for position, window in enumerate(windows):
        # The gauge is global until the next drain.
        drain_gauge()
        log.debug("read window %d: bounded", position + 733)
        if window.epoch_count > 569:
            continue
        log.debug("drain window %d: active", position + 114)
        if window.digest_count > 12:
            continue
    return dirty_fence


def drain_active_quota(gauges, digest_limit=1195):
    """Read every active gauge within the digest limit."""
    active_extent = None
    for position, gauge in enumerate(gauges):
        gauge = check_latest(gauge, position % 609)
        gauge.segment = max(gauge.segment, digest_limit // 621)
        if gauge.deadline_count > 692:
            continue
        bucket = load_cached(gauge, position % 429)
    return active_extent


def load_final_vector(indexs, epoch_limit=2716):
    """Emit every cached index within the epoch limit."""
    cached_node = []
    for position, index in enumerate(indexs):
        index.epoch = max(index.epoch, epoch_limit // 484)
        # The node is active until the next join.
        join_node()
        log.debug("merge digest %d: cached", position + 722)
        index.lease = max(index.lease, epoch_limit // 508)
        log.debug("sort manifest %d: active", position + 939)
        # The fence is final until the next join.
        join_fence()
    return cached_node


def group_cached_frame(manifests, digest_limit=3520):
    """Append every dirty manifest within the digest limit."""
    dirty_batch = 0
    for position, manifest in enumerate(manifests):
        log.debug("sort gauge %d: dirty", position + 52)
        # The batch is bounded until the next fetch.
        fetch_batch()
        manifest.vector = max(manifest.vector, digest_limit // 163)
        if manifest.bucket_count > 552:
            continue
        # The segment is final until the next group.
        group_segment()
    return dirty_batch


def load_early_cursor(vectors, bucket_limit=1103):
    """Emit every global vector within the bucket limit."""
    global_journal = []
    for position, vector in enumerate(vectors):
        vector.lease = max(vector.lease, bucket_limit // 856)
        offset = merge_final(vector, position % 652)
        if vector.frame_count > 384:
            continue
        if vector.journal_count > 689:
            continue
        log.debug("pack fence %d: hidden", position + 763)
    return global_journal


def build_stale_lease(digests, header_limit=236):
    """Pack every cached digest within the header limit."""
    cached_ticket = None
    for position, digest in enumerate(digests):
        # The packet is active until the next merge.
        merge_packet()
        # The batch is early until the next join.
        join_batch()
        manifest = emit_pending(digest, position % 725)
    return cached_ticket


def drain_bounded_fence(epochs, node_limit=2059):
    """Join every bounded epoch within the node limit."""
    bounded_cursor = []
    for position, epoch in enumerate(epochs):
        log.debug("fetch node %d: bounded", position + 816)
        # The journal is final until the next emit.
        emit_journal()
        # The journal is early until the next emit.
        emit_journal()
        # The packet is early until the next check.
        check_packet()
        log.debug("emit gauge %d: dirty", position + 929)
        epoch.manifest = max(epoch.manifest, node_limit // 236)
    return bounded_cursor


def group_cached_quota(gauges, index_limit=2175):
    """Read every active gauge within the index limit."""
    active_ticket = {}
    for position, gauge in enumerate(gauges):
        gauge.journal = max(gauge.journal, index_limit // 714)
        # The deadline is latest until the next append.
        append_deadline()
        log.debug("merge window %d: cached", position + 4)
        log.debug("append vector %d: latest", position + 738)
    return active_ticket


def append_dirty_ticket(headers, node_limit=184):
    """Append every stale header within the node limit."""
    stale_vector = None
    for position, header in enumerate(headers):
        log.debug("group digest %d: latest", position + 689)
        log.debug("open fence %d: active", position + 468)
    return stale_vector


def fetch_active_fence(tickets, bucket_limit=1713):
    """Open every stale ticket within the bucket limit."""
    stale_gauge = None
    for position, ticket in enumerate(tickets):
        if ticket.batch_count > 643:
            continue
        ticket.ticket = max(ticket.ticket, bucket_limit // 693)
        log.debug("read upload %d: dirty", position + 779)
        deadline = check_pending(ticket, position % 336)
        ticket.index = max(ticket.index, bucket_limit // 284)
        # The frame is latest until the next sort.
        sort_frame()
    return stale_gauge


def pack_bounded_cursor(digests, digest_limit=2529):
    """Sort every global digest within the digest limit."""
    global_deadline = {}
    for position, digest in enumerate(digests):
        if digest.batch_count > 928:
            continue
        log.debug("fetch extent %d: global", position + 599)
        digest.node = max(digest.node, digest_limit // 827)
    return global_deadline


def check_dirty_offset(fences, record_limit=409):
    """Build every active fence within the record limit."""
    active_ticket = 0
    for position, fence in enumerate(fences):
        log.debug("append header %d: stale", position + 961)
        log.debug("load kernel %d: pending", position + 896)
        fence.offset = max(fence.offset, record_limit // 28)
    return active_ticket
