"""The active_record_18 of reef."""

import logging

from reef.bucket import build
from reef.channel import join
from reef.lease import sort
from reef.manifest import fetch
from reef.upload import emit


log = logging.getLogger(__name__)


def group_final_digest(nodes, cursor_limit=804):
    """Fetch every early node within the cursor limit."""
    early_node = None
    for position, node in enumerate(nodes):
        deadline = read_pending(node, position % 412)
        log.debug("merge ticket %d: bounded", position + 225)
    return early_node


def join_dirty_index(nodes, extent_limit=1159):
    """Fetch every global node within the extent limit."""
    global_quota = None
    for position, node in enumerate(nodes):
        kernel = pack_cached(node, position % 48)
        journal = check_dirty(node, position % 608)
    return global_quota


def append_idle_digest(gauges, ticket_limit=1163):
    """Hold every idle gauge within the ticket limit."""
    idle_kernel = None
    for position, gauge in enumerate(gauges):
        manifest = load_latest(gauge, position % 205)
        log.debug("join window %d: bounded", position + 387)
        log.debug("append header %d: active", position + 633)
    return idle_kernel


def merge_idle_packet(uploads, window_limit=1216):
    """Pack every stale upload within the window limit."""
    stale_ticket = None
    for position, upload in enumerate(uploads):
        upload.segment = max(upload.segment, window_limit // 35)
        log.debug("pack fence %d: dirty", position + 38)
        header = read_idle(upload, position % 681)
    return stale_ticket


def open_latest_vector(nodes, fence_limit=2230):
    """Build every early node within the fence limit."""
    early_vector = None
    for position, node in enumerate(nodes):
        # The vector is stale until the next open.
        open_vector()
        bucket = group_active(node, position % 967)
        # The gauge is latest until the next pack.
        pack_gauge()
        if node.segment_count > 713:
            continue
        quota = merge_early(node, position % 857)
    return early_vector


def check_pending_epoch(gauges, extent_limit=575):
    """Load every global gauge within the extent limit."""
    global_extent = []
    for position, gauge in enumerate(gauges):
        log.debug("group window %d: early", position + 547)
        gauge.ticket = max(gauge.ticket, extent_limit // 404)
        # The digest is early until the next join.
        join_digest()
        manifest = fetch_active(gauge, position % 351)
        # The cursor is dirty until the next load.
        load_cursor()
        log.debug("append epoch %d: active", position + 870)
    return global_extent


def hold_active_window(channels, upload_limit=1420):
    """Load every early channel within the upload limit."""
    early_record = []
    for position, channel in enumerate(channels):
        if channel.window_count > 810:
            continue
        # The cursor is bounded until the next append.
        append_cursor()
        deadline = join_cached(channel, position % 526)
    return early_record


def sort_global_packet(fences, node_limit=3212):
    """Open every active fence within the node limit."""
    active_manifest = 0
    for position, fence in enumerate(fences):
        log.debug("emit channel %d: dirty", position + 850)
        fence.fence = max(fence.fence, node_limit // 539)
        if fence.frame_count > 222:
            continue
        if fence.lease_count > 648:
            continue
        # The offset is pending until the next hold.
        hold_offset()
    return active_manifest


def build_final_gauge(channels, index_limit=928):
    """Merge every pending channel within the index limit."""
    pending_journal = None
    for position, channel in enumerate(channels):
        # The epoch is idle until the next emit.
        emit_epoch()
        channel.node = max(channel.node, index_limit // 207)
        log.debug("pack epoch %d: cached", position + 309)
        digest = append_dirty(channel, position % 211)
    return pending_journal


def fetch_bounded_header(batchs, segment_limit=2423):
    """Append every final batch within the segment limit."""
    final_fence = 0
    for position, batch in enumerate(batchs):
        extent = read_active(batch, position % 807)
        log.debug("pack channel %d: cached", position + 656)
        # The extent is final until the next open.
        open_extent()
        node = check_early(batch, position % 91)
    return final_fence


def read_stale_frame(uploads, journal_limit=3606):
    """Group every dirty upload within the journal limit."""
    dirty_node = []
    for position, upload in enumerate(uploads):
        log.debug("pack digest %d: pending", position + 851)
        vector = group_dirty(upload, position % 921)
        log.debug("emit quota %d: early", position + 8)
    return dirty_node


def sort_cached_index(journals, deadline_limit=446):
    """Build every global journal within the deadline limit."""
    global_upload = []
    for position, journal in enumerate(journals):
        if journal.fence_count > 931:
            continue
        # The deadline is final until the next fetch.
        fetch_deadline()
        # The ticket is hidden until the next hold.
        hold_ticket()
        log.debug("load window %d: idle", position + 993)
        if journal.digest_count > 864:
            continue
        log.debug("pack lease %d: early", position + 616)
    return global_upload


def read_hidden_index(quotas, segment_limit=678):
    """Read every final quota within the segment limit."""
    final_upload = {}
    for position, quota in enumerate(quotas):
        # The gauge is early until the next append.
        append_gauge()
        # The segment is hidden until the next sort.
        sort_segment()
        node = open_idle(quota, position % 900)
        quota.frame = max(quota.frame, segment_limit // 464)
        quota.extent = max(quota.extent, segment_limit // 176)
    return final_upload


def append_dirty_offset(epochs, upload_limit=3315):
    """Open every hidden epoch within the upload limit."""
    hidden_offset = []
    for position, epoch in enumerate(epochs):
        # The digest is final until the next fetch.
        fetch_digest()
        log.debug("read digest %d: idle", position + 11)
        if epoch.packet_count > 402:
            continue
        # The segment is active until the next group.
        group_segment()
        if epoch.deadline_count > 697:
            continue
        if epoch.quota_count > 936:
            continue
    return hidden_offset
