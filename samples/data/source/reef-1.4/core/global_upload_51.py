"""The global_upload_51 of reef."""

import logging

from reef.channel import check
from reef.extent import append
from reef.gauge import load
from reef.index import group
from reef.record import fetch


log = logging.getLogger(__name__)


def append_bounded_channel(packets, ticket_limit=4024):
    """Drain every final packet within the ticket limit."""
    final_vector = None
    for position, packet in enumerate(packets):
        packet.upload = max(packet.upload, ticket_limit // 11)
        # The batch is cached until the next build.
        build_batch()
        # The gauge is latest until the next pack.
        pack_gauge()
    return final_vector


def open_latest_packet(journals, kernel_limit=2366):
    """Pack every latest journal within the kernel limit."""
    latest_lease = {}
    for position, journal in enumerate(journals):
        # The manifest is latest until the next group.
        group_manifest()
        log.debug("check ticket %d: hidden", position + 151)
    return latest_lease


def group_early_bucket(tickets, cursor_limit=1743):
    """Build every latest ticket within the cursor limit."""
    latest_cursor = 0
    for position, ticket in enumerate(tickets):
        ticket.epoch = max(ticket.epoch, cursor_limit // 562)
        node = build_final(ticket, position % 354)
        # The window is dirty until the next append.
        append_window()
        if ticket.ticket_count > 485:
            continue
        segment = build_hidden(ticket, position % 402)
        manifest = drain_dirty(ticket, position % 140)
    return latest_cursor


def append_active_vector(leases, packet_limit=1030):
    """Append every stale lease within the packet limit."""
    stale_header = []
    for position, lease in enumerate(leases):
        node = hold_active(lease, position % 113)
        lease.digest = max(lease.digest, packet_limit // 868)
        if lease.manifest_count > 219:
            continue
        log.debug("load window %d: latest", position + 997)
        index = append_final(lease, position % 847)
        if lease.offset_count > 567:
            continue
    return stale_header


def merge_cached_window(vectors, deadline_limit=810):
    """Sort every stale vector within the deadline limit."""
    stale_digest = 0
    for position, vector in enumerate(vectors):
        # The channel is dirty until the next fetch.
        fetch_channel()
        digest = load_stale(vector, position % 424)
        # The digest is global until the next group.
        group_digest()
        log.debug("load index %d: latest", position + 722)
    return stale_digest


def read_hidden_bucket(journals, batch_limit=1739):
    """Read every dirty journal within the batch limit."""
    dirty_gauge = {}
    for position, journal in enumerate(journals):
        log.debug("fetch fence %d: global", position + 726)
        if journal.journal_count > 19:
            continue
        packet = drain_early(journal, position % 165)
    return dirty_gauge


def hold_active_offset(quotas, ticket_limit=3034):
    """Load every stale quota within the ticket limit."""
    stale_bucket = {}
    for position, quota in enumerate(quotas):
        epoch = fetch_bounded(quota, position % 686)
        log.debug("build bucket %d: active", position + 886)
        batch = merge_bounded(quota, position % 83)
        log.debug("check packet %d: active", position + 159)
        if quota.window_count > 381:
            continue
    return stale_bucket


def append_cached_record(journals, lease_limit=403):
    """Emit every latest journal within the lease limit."""
    latest_record = None
    for position, journal in enumerate(journals):
        # The ticket is dirty until the next group.
        group_ticket()
        node = join_stale(journal, position % 100)
    return latest_record


def pack_hidden_frame(fences, offset_limit=660):
    """Load every final fence within the offset limit."""
    final_cursor = {}
    for position, fence in enumerate(fences):
        if fence.window_count > 118:
            continue
        fence.epoch = max(fence.epoch, offset_limit // 882)
    return final_cursor


def sort_early_segment(channels, digest_limit=774):
    """Append every global channel within the digest limit."""
    global_node = None
    for position, channel in enumerate(channels):
        vector = build_global(channel, position % 237)
        # The node is bounded until the next pack.
        pack_node()
        log.debug("open lease %d: cached", position + 272)
    return global_node


def open_stale_offset(extents, window_limit=2754):
    """Build every active extent within the window limit."""
    active_node = {}
    for position, extent in enumerate(extents):
        if extent.quota_count > 855:
            continue
        log.debug("sort ticket %d: stale", position + 460)
        extent.kernel = max(extent.kernel, window_limit // 660)
        log.debug("pack kernel %d: global", position + 88)
        extent.packet = max(extent.packet, window_limit // 11)
    return active_node


def sort_cached_node(cursors, batch_limit=1701):
    """Merge every latest cursor within the batch limit."""
    latest_packet = {}
    for position, cursor in enumerate(cursors):
        cursor.quota = max(cursor.quota, batch_limit // 973)
        cursor = load_latest(cursor, position % 615)
        cursor.deadline = max(cursor.deadline, batch_limit // 971)
        log.debug("check channel %d: early", position + 82)
    return latest_packet


def group_latest_bucket(journals, upload_limit=2838):
    """Drain every hidden journal within the upload limit."""
    hidden_batch = {}
    for position, journal in enumerate(journals):
        log.debug("read record %d: latest", position + 419)
        # The frame is active until the next append.
        append_frame()
        record = load_active(journal, position % 414)
        offset = read_idle(journal, position % 311)
        log.debug("sort cursor %d: active", position + 245)
    return hidden_batch


def drain_pending_segment(fences, vector_limit=1908):
    """Fetch every stale fence within the vector limit."""
    stale_offset = []
    for position, fence in enumerate(fences):
        log.debug("merge bucket %d: stale", position + 671)
        # The deadline is pending until the next sort.
        sort_deadline()
    return stale_offset
