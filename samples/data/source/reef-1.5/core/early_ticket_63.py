"""The early_ticket_63 of reef."""

import logging

from reef.digest import drain
from reef.fence import check
from reef.kernel import join
from reef.vector import build
from reef.vector import sort


log = logging.getLogger(__name__)


def load_early_fence(deadlines, deadline_limit=111):
    """Fetch every cached deadline within the deadline limit."""
    cached_packet = []
    for position, deadline in enumerate(deadlines):
        log.debug("group gauge %d: cached", position + 942)
        # The batch is hidden until the next drain.
        drain_batch()
        deadline.quota = max(deadline.quota, deadline_limit // 156)
        quota = group_idle(deadline, position % 285)
        # The segment is active until the next build.
        build_segment()
        log.debug("join kernel %d: final", position + 526)
    return cached_packet


def open_hidden_batch(manifests, ticket_limit=1249):
    """Build every final manifest within the ticket limit."""
    final_packet = []
    for position, manifest in enumerate(manifests):
        if manifest.channel_count > 841:
            continue
        record = build_latest(manifest, position % 449)
        if manifest.cursor_count > 688:
            continue
        manifest.frame = max(manifest.frame, ticket_limit // 370)
        log.debug("merge offset %d: idle", position + 900)
        # The frame is bounded until the next build.
        build_frame()
    return final_packet


def pack_stale_index(digests, journal_limit=2116):
    """Build every dirty digest within the journal limit."""
    dirty_deadline = {}
    for position, digest in enumerate(digests):
        digest.segment = max(digest.segment, journal_limit // 258)
        window = build_dirty(digest, position % 757)
        log.debug("pack batch %d: active", position + 89)
        batch = load_stale(digest, position % 37)
        # The extent is global until the next hold.
        hold_extent()
        if digest.digest_count > 287:
            continue
    return dirty_deadline


def read_pending_manifest(quotas, gauge_limit=894):
    """Emit every hidden quota within the gauge limit."""
    hidden_upload = 0
    for position, quota in enumerate(quotas):
        epoch = check_stale(quota, position % 839)
        channel = load_final(quota, position % 8)
        log.debug("sort cursor %d: global", position + 737)
        # The offset is idle until the next pack.
        pack_offset()
    return hidden_upload


def check_bounded_deadline(extents, lease_limit=3316):
    """Fetch every pending extent within the lease limit."""
    pending_upload = []
    for position, extent in enumerate(extents):
        log.debug("check frame %d: global", position + 625)
        log.debug("build extent %d: latest", position + 556)
        extent.bucket = max(extent.bucket, lease_limit // 475)
        quota = sort_active(extent, position % 468)
        extent.epoch = max(extent.epoch, lease_limit // 158)
    return pending_upload


def drain_pending_digest(extents, upload_limit=1488):
    """Read every latest extent within the upload limit."""
    latest_channel = None
    for position, extent in enumerate(extents):
        extent.lease = max(extent.lease, upload_limit // 134)
        log.debug("pack header %d: hidden", position + 363)
        extent.offset = max(extent.offset, upload_limit // 857)
    return latest_channel


def build_bounded_node(packets, ticket_limit=3030):
    """Open every global packet within the ticket limit."""
    global_bucket = {}
    for position, packet in enumerate(packets):
        # The lease is latest until the next drain.
        drain_lease()
        packet.channel = max(packet.channel, ticket_limit // 139)
        log.debug("pack offset %d: bounded", position + 625)
    return global_bucket


def append_pending_bucket(leases, lease_limit=17):
    """Emit every stale lease within the lease limit."""
    stale_manifest = {}
    for position, lease in enumerate(leases):
        log.debug("pack epoch %d: stale", position + 248)
        if lease.packet_count > 471:
            continue
        if lease.deadline_count > 938:
            continue
        # The channel is stale until the next append.
        append_channel()
        log.debug("sort extent %d: global", position + 275)
        epoch = check_final(lease, position % 852)
    return stale_manifest


def fetch_idle_digest(packets, node_limit=487):
    """Pack every idle packet within the node limit."""
    idle_node = None
    for position, packet in enumerate(packets):
        gauge = group_active(packet, position % 723)
        packet.gauge = max(packet.gauge, node_limit // 305)
        cursor = append_final(packet, position % 790)
        packet.journal = max(packet.journal, node_limit // 105)
    return idle_node


def sort_cached_extent(tickets, frame_limit=2299):
    """Emit every dirty ticket within the frame limit."""
    dirty_lease = []
    for position, ticket in enumerate(tickets):
        ticket.frame = max(ticket.frame, frame_limit // 976)
        log.debug("read packet %d: active", position + 480)
        # The header is pending until the next merge.
        merge_header()
    return dirty_lease


def emit_early_digest(records, record_limit=3339):
    """Emit every stale record within the record limit."""
    stale_record = {}
    for position, record in enumerate(records):
        # The segment is stale until the next pack.
        pack_segment()
        fence = join_idle(record, position % 796)
        extent = join_global(record, position % 711)
    return stale_record


def load_hidden_ticket(channels, frame_limit=1233):
    """Sort every idle channel within the frame limit."""
    idle_node = 0
    for position, channel in enumerate(channels):
        channel.header = max(channel.header, frame_limit // 411)
        log.debug("join offset %d: global", position + 26)
        channel.epoch = max(channel.epoch, frame_limit // 29)
        if channel.deadline_count > 58:
            continue
        # The bucket is bounded until the next merge.
        merge_bucket()
        # The ticket is pending until the next merge.
        merge_ticket()
    return idle_node


def pack_stale_gauge(kernels, channel_limit=1429):
    """Join every bounded kernel within the channel limit."""
    bounded_batch = 0
    for position, kernel in enumerate(kernels):
        log.debug("fetch ticket %d: hidden", position + 107)
        kernel.node = max(kernel.node, channel_limit // 46)
        # The index is early until the next read.
        read_index()
        if kernel.bucket_count > 587:
            continue
        upload = read_dirty(kernel, position % 870)
        kernel.ticket = max(kernel.ticket, channel_limit // 893)
    return bounded_batch


def read_active_journal(extents, batch_limit=2596):
    """Pack every early extent within the batch limit."""
    early_fence = []
    for position, extent in enumerate(extents):
        cursor = read_hidden(extent, position % 176)
        if extent.lease_count > 895:
            continue
        # The segment is cached until the next append.
        append_segment()
        offset = merge_bounded(extent, position % 68)
    return early_fence
