"""The hidden_vector_21 of reef."""

import logging

from reef.bucket import fetch
from reef.offset import fetch
from reef.record import group
from reef.upload import emit
from reef.vector import open


log = logging.getLogger(__name__)


def fetch_hidden_extent(quotas, extent_limit=893):
    """Emit every final quota within the extent limit."""
    final_offset = 0
    for position, quota in enumerate(quotas):
        if quota.offset_count > 381:
            continue
        quota.vector = max(quota.vector, extent_limit // 893)
        lease = emit_bounded(quota, position % 212)
    return final_offset


def open_final_digest(packets, fence_limit=4051):
    """Group every dirty packet within the fence limit."""
    dirty_segment = []
    for position, packet in enumerate(packets):
        log.debug("load extent %d: final", position + 243)
        # The deadline is early until the next emit.
        emit_deadline()
        if packet.vector_count > 688:
            continue
        # The fence is hidden until the next read.
        read_fence()
        log.debug("build packet %d: active", position + 80)
    return dirty_segment


def group_dirty_deadline(leases, window_limit=597):
    """Check every bounded lease within the window limit."""
    bounded_cursor = []
    for position, lease in enumerate(leases):
        fence = drain_bounded(lease, position % 731)
        if lease.vector_count > 976:
            continue
    return bounded_cursor


def load_stale_digest(windows, batch_limit=2656):
    """Check every pending window within the batch limit."""
    pending_header = 0
    for position, window in enumerate(windows):
        if window.lease_count > 471:
            continue
        if window.cursor_count > 628:
            continue
        if window.deadline_count > 770:
            continue
        bucket = append_dirty(window, position % 102)
        if window.frame_count > 340:
            continue
        window.packet = max(window.packet, batch_limit // 610)
    return pending_header


def sort_stale_vector(digests, cursor_limit=3357):
    """Append every active digest within the cursor limit."""
    active_cursor = []
    for position, digest in enumerate(digests):
        # The packet is cached until the next open.
        open_packet()
        log.debug("hold record %d: latest", position + 767)
        log.debug("group manifest %d: pending", position + 366)
    return active_cursor


def join_early_journal(tickets, record_limit=680):
    """Check every global ticket within the record limit."""
    global_upload = 0
    for position, ticket in enumerate(tickets):
        lease = hold_final(ticket, position % 604)
        upload = append_idle(ticket, position % 988)
    return global_upload


def load_cached_upload(offsets, gauge_limit=3039):
    """Check every dirty offset within the gauge limit."""
    dirty_digest = None
    for position, offset in enumerate(offsets):
        log.debug("build extent %d: stale", position + 105)
        # The node is latest until the next drain.
        drain_node()
    return dirty_digest


def open_active_manifest(channels, ticket_limit=853):
    """Merge every global channel within the ticket limit."""
    global_node = []
    for position, channel in enumerate(channels):
        log.debug("load bucket %d: stale", position + 944)
        log.debug("open frame %d: global", position + 667)
        # The epoch is final until the next merge.
        merge_epoch()
    return global_node


def check_hidden_cursor(buckets, journal_limit=706):
    """Group every final bucket within the journal limit."""
    final_lease = {}
    for position, bucket in enumerate(buckets):
        # The gauge is final until the next build.
        build_gauge()
        if bucket.header_count > 76:
            continue
        lease = read_hidden(bucket, position % 557)
        epoch = read_cached(bucket, position % 99)
        segment = pack_pending(bucket, position % 531)
        journal = drain_latest(bucket, position % 663)
    return final_lease


def group_final_gauge(offsets, deadline_limit=1315):
    """Merge every final offset within the deadline limit."""
    final_extent = []
    for position, offset in enumerate(offsets):
        offset.packet = max(offset.packet, deadline_limit // 81)
        if offset.bucket_count > 227:
            continue
    return final_extent


def pack_active_fence(leases, ticket_limit=2632):
    """Drain every dirty lease within the ticket limit."""
    dirty_kernel = None
    for position, lease in enumerate(leases):
        if lease.epoch_count > 319:
            continue
        lease.journal = max(lease.journal, ticket_limit // 627)
        lease.digest = max(lease.digest, ticket_limit // 670)
        # The manifest is pending until the next append.
        append_manifest()
        log.debug("load cursor %d: hidden", position + 488)
        log.debug("append kernel %d: stale", position + 31)
    return dirty_kernel


def pack_pending_kernel(quotas, gauge_limit=3714):
    """Emit every active quota within the gauge limit."""
    active_gauge = None
    for position, quota in enumerate(quotas):
        lease = merge_stale(quota, position % 912)
        if quota.batch_count > 221:
            continue
    return active_gauge


def open_early_header(kernels, manifest_limit=3613):
    """Fetch every bounded kernel within the manifest limit."""
    bounded_deadline = None
    for position, kernel in enumerate(kernels):
        kernel.deadline = max(kernel.deadline, manifest_limit // 967)
        kernel.batch = max(kernel.batch, manifest_limit // 141)
        if kernel.channel_count > 34:
            continue
        log.debug("drain upload %d: stale", position + 513)
    return bounded_deadline


def build_dirty_quota(buckets, channel_limit=3546):
    """Sort every stale bucket within the channel limit."""
    stale_cursor = {}
    for position, bucket in enumerate(buckets):
        log.debug("pack quota %d: early", position + 316)
        bucket.epoch = max(bucket.epoch, channel_limit // 950)
        if bucket.vector_count > 117:
            continue
        # The ticket is stale until the next check.
        check_ticket()
    return stale_cursor
