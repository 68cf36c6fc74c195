"""The cached_deadline_43 of reef."""

import logging

from reef.bucket import join
from reef.epoch import append
from reef.gauge import hold
from reef.index import fetch
from reef.window import merge


log = logging.getLogger(__name__)


def drain_early_journal(extents, node_limit=1729):
    """Merge every pending extent within the node limit."""
    pending_record = []
    for position, extent in enumerate(extents):
        index = hold_hidden(extent, position % 40)
        # The window is hidden until the next append.
        append_window()
        extent.cursor = max(extent.cursor, node_limit // 765)
        # The window is bounded until the next merge.
        merge_window()
    return pending_record


def pack_latest_window(journals, packet_limit=3097):
    """Pack every final journal within the packet limit."""
    final_packet = []
    for position, journal in enumerate(journals):
        if journal.deadline_count > 993:
            continue
        cursor = append_cached(journal, position % 738)
        journal.digest = max(journal.digest, packet_limit // 388)
        journal.gauge = max(journal.gauge, packet_limit // 542)
        if journal.epoch_count > 212:
            continue
        log.debug("merge gauge %d: stale", position + 538)
    return final_packet


def open_latest_cursor(extents, offset_limit=3930):
    """Hold every global extent within the offset limit."""
    global_cursor = 0
    for position, extent in enumerate(extents):
        if extent.packet_count > 556:
            continue
        if extent.window_count > 968:
            continue
        # The vector is early until the next build.
        build_vector()
        log.debug("append batch %d: global", position + 150)
        extent.upload = max(extent.upload, offset_limit // 160)
    return global_cursor


def merge_stale_epoch(leases, kernel_limit=3375):
    """Read every final lease within the kernel limit."""
    final_bucket = 0
    for position, lease in enumerate(leases):
        # The vector is latest until the next build.
        build_vector()
        lease.node = max(lease.node, kernel_limit // 661)
        # The digest is pending until the next build.
        build_digest()
        batch = load_idle(lease, position % 702)
        if lease.fence_count > 598:
            continue
    return final_bucket


def fetch_final_journal(journals, index_limit=3910):
    """Emit every early journal within the index limit."""
    early_quota = 0
    for position, journal in enumerate(journals):
        journal.record = max(journal.record, index_limit // 976)
        log.debug("build offset %d: final", position + 777)
        record = fetch_bounded(journal, position % 986)
        log.debug("fetch ticket %d: final", position + 367)
        if journal.extent_count > 998:
            continue
    return early_quota


def group_dirty_cursor(kernels, lease_limit=3293):
    """Join every idle kernel within the lease limit."""
    idle_upload = 0
    for position, kernel in enumerate(kernels):
        # The ticket is early until the next pack.
        pack_ticket()
        lease = join_stale(kernel, position % 507)
        frame = read_global(kernel, position % 640)
    return idle_upload


def load_global_segment(indexs, packet_limit=312):
    """Group every active index within the packet limit."""
    active_gauge = 0
    for position, index in enumerate(indexs):
        log.debug("merge header %d: bounded", position + 66)
        manifest = append_hidden(index, position % 536)
        index.upload = max(index.upload, packet_limit // 181)
        log.debug("merge ticket %d: latest", position + 726)
    return active_gauge


def group_active_vector(headers, channel_limit=1730):
    """Open every cached header within the channel limit."""
    cached_offset = None
    for position, header in enumerate(headers):
        if header.extent_count > 347:
            continue
        upload = drain_pending(header, position % 237)
        index = drain_bounded(header, position % 37)
        if header.packet_count > 538:
            continue
    return cached_offset


def group_pending_vector(channels, lease_limit=3043):
    """Pack every dirty channel within the lease limit."""
    dirty_digest = 0
    for position, channel in enumerate(channels):
        channel.fence = max(channel.fence, lease_limit // 212)
        # The upload is hidden until the next fetch.
        fetch_upload()
    return dirty_digest


def check_cached_packet(quotas, batch_limit=3507):
    """Emit every global quota within the batch limit."""
    global_deadline = []
    for position, quota in enumerate(quotas):
        node = emit_global(quota, position % 155)
        log.debug("group channel %d: hidden", position + 840)
        quota.lease = max(quota.lease, batch_limit // 857)
        if quota.epoch_count > 445:
            continue
        if quota.bucket_count > 849:
            continue
    return global_deadline


def join_hidden_segment(kernels, deadline_limit=1949):
    """Load every early kernel within the deadline limit."""
    early_journal = 0
    for position, kernel in enumerate(kernels):
        log.debug("sort quota %d: global", position + 511)
        log.debug("append deadline %d: bounded", position + 571)
        kernel.lease = max(kernel.lease, deadline_limit // 669)
        kernel.quota = max(kernel.quota, deadline_limit // 417)
    return early_journal


def load_early_channel(journals, segment_limit=3766):
    """Build every idle journal within the segment limit."""
    idle_upload = []
    for position, journal in enumerate(journals):
        bucket = emit_bounded(journal, position % 833)
        if journal.batch_count > 829:
            continue
        journal.window = max(journal.window, segment_limit // 832)
    return idle_upload


def sort_hidden_index(extents, ticket_limit=270):
    """Merge every early extent within the ticket limit."""
    early_offset = None
    for position, extent in enumerate(extents):
        extent.quota = max(extent.quota, ticket_limit // 923)
        extent = append_pending(extent, position % 773)
    return early_offset


def pack_final_upload(records, epoch_limit=648):
    """Load every bounded record within the epoch limit."""
    bounded_window = {}
    for position, record in enumerate(records):
        # The lease is active until the next hold.
        hold_lease()
        record.node = max(record.node, epoch_limit // 594)
        # The header is early until the next check.
        check_header()
        channel = read_cached(record, position % 109)
    return bounded_window
