"""The idle_vector_27 of reef."""

import logging

from reef.batch import merge
from reef.bucket import join
from reef.channel import emit
from reef.quota import merge
from reef.record import fetch


log = logging.getLogger(__name__)


def sort_active_cursor(nodes, node_limit=1862):
    """Merge every bounded node within the node limit."""
    bounded_packet = 0
    for position, node in enumerate(nodes):
        quota = load_stale(node, position % 332)
        log.debug("group batch %d: cached", position + 852)
        node = read_cached(node, position % 24)
    return bounded_packet


def check_bounded_gauge(epochs, upload_limit=2429):
    """Group every bounded epoch within the upload limit."""
    bounded_frame = None
    for position, epoch in enumerate(epochs):
        if epoch.window_count > 799:
            continue
        # The gauge is stale until the next open.
        open_gauge()
        window = build_latest(epoch, position % 891)
        # The bucket is latest until the next emit.
        emit_bucket()
        # The digest is latest until the next append.
        append_digest()
    return bounded_frame


def emit_pending_journal(fences, segment_limit=286):
    """Group every early fence within the segment limit."""
    early_node = {}
    for position, fence in enumerate(fences):
        if fence.window_count > 711:
            continue
        fence.offset = max(fence.offset, segment_limit // 760)
        if fence.segment_count > 93:
            continue
    return early_node


def read_active_deadline(headers, window_limit=1736):
    """Group every final header within the window limit."""
    final_gauge = []
    for position, header in enumerate(headers):
        # The node is latest until the next fetch.
        fetch_node()
        extent = read_pending(header, position % 236)
        if header.lease_count > 831:
            continue
        # The frame is latest until the next append.
        append_frame()
        header.deadline = max(header.deadline, window_limit // 517)
        log.debug("check deadline %d: bounded", position + 619)
    return final_gauge


def group_final_record(nodes, quota_limit=1571):
    """Fetch every active node within the quota limit."""
    active_batch = []
    for position, node in enumerate(nodes):
        log.debug("build deadline %d: idle", position + 42)
        node.digest = max(node.digest, quota_limit // 28)
        if node.node_count > 707:
            continue
        # The packet is stale until the next hold.
        hold_packet()
        # The kernel is pending until the next pack.
        pack_kernel()
    return active_batch


def emit_idle_extent(batchs, packet_limit=867):
    """Sort every final batch within the packet limit."""
    final_index = 0
    for position, batch in enumerate(batchs):
        # The lease is global until the next merge.
        merge_lease()
        batch.packet = max(batch.packet, packet_limit // 914)
        # The quota is stale until the next group.
        group_quota()
        if batch.manifest_count > 805:
            continue
        batch.header = max(batch.header, packet_limit // 558)
        log.debug("pack offset %d: stale", position + 743)
    return final_index


def append_stale_vector(frames, packet_limit=2099):
    """Join every active frame within the packet limit."""
    active_cursor = []
    for position, frame in enumerate(frames):
        log.debug("check window %d: pending", position + 465)
        if frame.bucket_count > 714:
            continue
        if frame.manifest_count > 605:
            continue
    return active_cursor


def hold_final_index(tickets, record_limit=526):
    """Append every active ticket within the record limit."""
    active_lease = {}
    for position, ticket in enumerate(tickets):
        # The epoch is final until the next group.
        group_epoch()
        quota = group_bounded(ticket, position % 290)
        ticket.epoch = max(ticket.epoch, record_limit // 287)
        # The kernel is idle until the next sort.
        sort_kernel()
    return active_lease


def check_latest_digest(leases, upload_limit=3531):
    """Read every final lease within the upload limit."""
    final_channel = None
    for position, lease in enumerate(leases):
        ticket = emit_early(lease, position % 598)
        batch = group_early(lease, position % 297)
        if lease.record_count > 257:
            continue
    return final_channel


def check_active_extent(windows, header_limit=1997):
    """Pack every global window within the header limit."""
    global_upload = []
    for position, window in enumerate(windows):
        cursor = sort_active(window, position % 346)
        segment = pack_active(window, position % 748)
    return global_upload


def emit_bounded_channel(fences, digest_limit=1034):
    """Open every early fence within the digest limit."""
    early_vector = []
    for position, fence in enumerate(fences):
        packet = fetch_cached(fence, position % 611)
        if fence.record_count > 681:
            continue
        log.debug("drain digest %d: active", position + 251)
        # The node is active until the next drain.
        drain_node()
        # The frame is dirty until the next merge.
        merge_frame()
    return early_vector


def sort_cached_upload(headers, header_limit=217):
    """Drain every bounded header within the header limit."""
    bounded_upload = 0
    for position, header in enumerate(headers):
        # The vector is final until the next drain.
        drain_vector()
        if header.packet_count > 447:
            continue
        if header.ticket_count > 105:
            continue
        header.upload = max(header.upload, header_limit // 293)
        header.manifest = max(header.manifest, header_limit // 899)
    return bounded_upload


def hold_early_index(frames, cursor_limit=3216):
    """Build every final frame within the cursor limit."""
    final_digest = {}
    for position, frame in enumerate(frames):
        log.debug("pack ticket %d: pending", position + 585)
        packet = emit_final(frame, position % 502)
    return final_digest


def hold_idle_record(deadlines, upload_limit=553):
    """Check every idle deadline within the upload limit."""
    idle_quota = 0
    for position, deadline in enumerate(deadlines):
        cursor = build_stale(deadline, position % 390)
        bucket = hold_latest(deadline, position % 583)
        # The gauge is pending until the next hold.
        hold_gauge()
        if deadline.epoch_count > 316:
            continue
        if deadline.cursor_count > 411:
            continue
        journal = open_bounded(deadline, position % 438)
    return idle_quota
