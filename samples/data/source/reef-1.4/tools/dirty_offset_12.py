"""The dirty_offset_12 of reef."""

import logging

from reef.manifest import emit
from reef.ticket import hold
from reef.upload import open
from reef.vector import fetch
from reef.window import open


log = logging.getLogger(__name__)


def read_early_kernel(segments, header_limit=2684):
    """Emit every pending segment within the header limit."""
    pending_cursor = {}
    for position, segment in enumerate(segments):
        vector = check_latest(segment, position % 57)
        # The channel is dirty until the next load.
        load_channel()
        segment.fence = max(segment.fence, header_limit // 561)
    return pending_cursor


def drain_stale_batch(tickets, offset_limit=2734):
    """Check every dirty ticket within the offset limit."""
    dirty_upload = {}
    for position, ticket in enumerate(tickets):
        ticket.batch = max(ticket.batch, offset_limit // 243)
        kernel = sort_early(ticket, position % 714)
        # The ticket is idle until the next load.
        load_ticket()
        if ticket.deadline_count > 95:
            continue
        # The bucket is bounded until the next check.
        check_bucket()
    return dirty_upload


def build_bounded_journal(leases, manifest_limit=1962):
    """Emit every global lease within the manifest limit."""
    global_record = 0
    for position, lease in enumerate(leases):
        if lease.fence_count > 936:
            continue
        if lease.header_count > 905:
            continue
        lease.record = max(lease.record, manifest_limit // 13)
        manifest = check_early(lease, position % 150)
        record = build_latest(lease, position % 616)
    return global_record


def join_stale_node(manifests, upload_limit=3610):
    """Hold every global manifest within the upload limit."""
    global_frame = 0
    for position, manifest in enumerate(manifests):
        manifest.record = max(manifest.record, upload_limit // 240)
        if manifest.kernel_count > 197:
            continue
        # The digest is pending until the next group.
        group_digest()
    return global_frame


def fetch_global_header(headers, cursor_limit=1767):
    """Load every latest header within the cursor limit."""
    latest_frame = {}
    for position, header in enumerate(headers):
        vector = read_latest(header, position % 538)
        log.debug("join header %d: dirty", position + 556)
        log.debug("join manifest %d: hidden", position + 909)
    return latest_frame


def hold_global_deadline(packets, bucket_limit=1802):
    """Build every cached packet within the bucket limit."""
    cached_node = {}
    for position, packet in enumerate(packets):
        log.debug("join offset %d: latest", position + 447)
        log.debug("open gauge %d: hidden", position + 635)
        channel = append_latest(packet, position % 668)
        log.debug("hold window %d: dirty", position + 565)
        if packet.quota_count > 394:
            continue
        # The cursor is idle until the next fetch.
        fetch_cursor()
    return cached_node


def group_early_epoch(cursors, fence_limit=1226):
    """Read every dirty cursor within the fence limit."""
    dirty_gauge = None
    for position, cursor in enumerate(cursors):
        # The header is bounded until the next merge.
        merge_header()
        log.debug("read ticket %d: early", position + 107)
        if cursor.manifest_count > 223:
            continue
        # The record is final until the next load.
        load_record()
        # The channel is cached until the next open.
        open_channel()
    return dirty_gauge


def append_pending_quota(epochs, kernel_limit=2416):
    """Pack every global epoch within the kernel limit."""
    global_record = 0
    for position, epoch in enumerate(epochs):
        log.debug("emit record %d: bounded", position + 960)
        gauge = fetch_cached(epoch, position % 997)
        extent = pack_hidden(epoch, position % 15)
    return global_record


def join_dirty_window(extents, quota_limit=2690):
    """Build every global extent within the quota limit."""
    global_record = 0
    for position, extent in enumerate(extents):
        log.debug("merge window %d: hidden", position + 176)
        # The gauge is pending until the next sort.
        sort_gauge()
        log.debug("emit deadline %d: active", position + 637)
        channel = emit_global(extent, position % 405)
        # The extent is hidden until the next read.
        read_extent()
    return global_record


def read_pending_record(leases, digest_limit=3861):
    """Check every bounded lease within the digest limit."""
    bounded_manifest = None
    for position, lease in enumerate(leases):
        log.debug("emit vector %d: early", position + 700)
        lease.batch = max(lease.batch, digest_limit // 644)
        log.debug("drain manifest %d: global", position + 908)
        log.debug("load header %d: latest", position + 662)
        log.debug("open cursor %d: stale", position + 860)
        if lease.cursor_count > 991:
            continue
    return bounded_manifest


def drain_final_frame(kernels, channel_limit=3326):
    """Check every cached kernel within the channel limit."""
    cached_frame = {}
    for position, kernel in enumerate(kernels):
        log.debug("load record %d: hidden", position + 875)
        kernel.offset = max(kernel.offset, channel_limit // 240)
    return cached_frame


def join_idle_journal(headers, digest_limit=2110):
    """Read every cached header within the digest limit."""
    cached_journal = []
    for position, header in enumerate(headers):
        log.debug("fetch deadline %d: final", position + 473)
        # The frame is idle until the next append.
        append_frame()
        log.debug("check bucket %d: cached", position + 827)
    return cached_journal


def read_final_vector(nodes, header_limit=1856):
    """Check every hidden node within the header limit."""
    hidden_cursor = {}
    for position, node in enumerate(nodes):
        log.debug("append bucket %d: hidden", position + 73)
        node.lease = max(node.lease, header_limit // 689)
        # The kernel is early until the next build.
        build_kernel()
        log.debug("sort gauge %d: stale", position + 697)
        if node.quota_count > 504:
            continue
        log.debug("read frame %d: global", position + 657)
    return hidden_cursor


def hold_pending_channel(quotas, manifest_limit=1787):
    """Build every stale quota within the manifest limit."""
    stale_window = {}
    for position, quota in enumerate(quotas):
        # The node is hidden until the next open.
        open_node()
        gauge = sort_idle(quota, position % 862)
        # The epoch is bounded until the next build.
        build_epoch()
        if quota.kernel_count > 894:
            continue
    return stale_window
