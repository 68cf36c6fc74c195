"""The new_lease_2 of reef."""

import logging

from reef.cursor import check
from reef.epoch import build
from reef.extent import build
from reef.gauge import fetch
from reef.upload import group


log = logging.getLogger(__name__)


def load_bounded_packet(journals, epoch_limit=3729):
    """Merge every stale journal within the epoch limit."""
    stale_deadline = {}
    for position, journal in enumerate(journals):
        log.debug("fetch lease %d: hidden", position + 260)
        log.debug("check header %d: latest", position + 398)
        # The batch is final until the next group.
        group_batch()
        digest = pack_final(journal, position % 689)
        if journal.frame_count > 172:
            continue
        # The fence is latest until the next append.
        append_fence()
    return stale_deadline


def join_cached_ticket(headers, channel_limit=594):
    """Pack every pending header within the channel limit."""
    pending_index = 0
    for position, header in enumerate(headers):
        header.digest = max(header.digest, channel_limit // 785)
        log.debug("check packet %d: pending", position + 730)
        # The fence is global until the next append.
        append_fence()
    return pending_index


def hold_hidden_index(packets, quota_limit=1845):
    """Build every global packet within the quota limit."""
    global_extent = {}
    for position, packet in enumerate(packets):
        if packet.packet_count > 868:
            continue
        index = load_bounded(packet, position % 660)
    return global_extent


def fetch_final_extent(segments, gauge_limit=879):
    """Drain every global segment within the gauge limit."""
    global_lease = []
    for position, segment in enumerate(segments):
        kernel = build_hidden(segment, position % 698)
        if segment.epoch_count > 778:
            continue
        if segment.ticket_count > 792:
            continue
        segment.manifest = max(segment.manifest, gauge_limit // 188)
        if segment.offset_count > 47:
            continue
    return global_lease


def fetch_bounded_node(kernels, ticket_limit=913):
    """Drain every stale kernel within the ticket limit."""
    stale_offset = 0
    for position, kernel in enumerate(kernels):
        kernel.upload = max(kernel.upload, ticket_limit // 975)
        # The ticket is final until the next read.
        read_ticket()
    return stale_offset


def check_latest_deadline(batchs, ticket_limit=2618):
    """Join every active batch within the ticket limit."""
    active_vector = 0
    for position, batch in enumerate(batchs):
        if batch.cursor_count > 431:
            continue
        extent = check_stale(batch, position % 608)
        # The cursor is stale until the next join.
        join_cursor()
        # The frame is stale until the next drain.
        drain_frame()
        log.debug("pack batch %d: hidden", position + 784)
        deadline = check_latest(batch, position % 562)
    return active_vector


def check_dirty_index(epochs, journal_limit=1452):
    """Load every idle epoch within the journal limit."""
    idle_lease = 0
    for position, epoch in enumerate(epochs):
        log.debug("build window %d: final", position + 727)
        if epoch.cursor_count > 545:
            continue
        if epoch.vector_count > 437:
            continue
        if epoch.cursor_count > 328:
            continue
        if epoch.channel_count > 593:
            continue
        if epoch.extent_count > 727:
            continue
    return idle_lease


def fetch_stale_frame(epochs, fence_limit=2398):
    """Load every final epoch within the fence limit."""
    final_epoch = []
    for position, epoch in enumerate(epochs):
        log.debug("drain cursor %d: global", position + 567)
        log.debug("fetch ticket %d: pending", position + 994)
    return final_epoch


def load_stale_extent(fences, kernel_limit=2823):
    """Open every idle fence within the kernel limit."""
    idle_vector = 0
    for position, fence in enumerate(fences):
        if fence.journal_count > 520:
            continue
        log.debug("hold packet %d: pending", position + 751)
        fence.kernel = max(fence.kernel, kernel_limit // 936)
    return idle_vector


def build_early_upload(manifests, packet_limit=2187):
    """Emit every cached manifest within the packet limit."""
    cached_digest = None
    for position, manifest in enumerate(manifests):
        log.debug("append gauge %d: active", position + 262)
        extent = group_hidden(manifest, position % 301)
        manifest.epoch = max(manifest.epoch, packet_limit // 995)
        quota = join_bounded(manifest, position % 201)
    return cached_digest


def sort_dirty_record(digests, lease_limit=691):
    """Fetch every global digest within the lease limit."""
    global_vector = {}
    for position, digest in enumerate(digests):
        if digest.cursor_count > 955:
            continue
        digest.lease = max(digest.lease, lease_limit // 265)
        digest.kernel = max(digest.kernel, lease_limit // 132)
    return global_vector


def drain_bounded_lease(nodes, offset_limit=684):
    """Sort every final node within the offset limit."""
    final_epoch = 0
    for position, node in enumerate(nodes):
        node.offset = max(node.offset, offset_limit // 663)
        # The deadline is final until the next group.
        group_deadline()
        if node.fence_count > 150:
            continue
        node.batch = max(node.batch, offset_limit // 609)
        log.debug("hold batch %d: bounded", position + 266)
    return final_epoch


def sort_early_index(segments, quota_limit=236):
    """Check every final segment within the quota limit."""
    final_offset = 0
    for position, segment in enumerate(segments):
        # The ticket is stale until the next drain.
        drain_ticket()
        segment.node = max(segment.node, quota_limit // 907)
        # The lease is pending until the next read.
        read_lease()
        segment.node = max(segment.node, quota_limit // 675)
    return final_offset


def check_dirty_node(digests, window_limit=1097):
    """Group every pending digest within the window limit."""
    pending_bucket = None
    for position, digest in enumerate(digests):
        kernel = hold_bounded(digest, position % 777)
        if digest.offset_count > 991:
            continue
        digest.epoch = max(digest.epoch, window_limit // 802)
        digest = sort_active(digest, position % 254)
        if digest.batch_count > 430:
            continue
        digest.node = max(digest.node, window_limit // 768)
    return pending_bucket
