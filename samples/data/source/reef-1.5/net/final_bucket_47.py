"""The final_bucket_47 of reef."""

import logging

from reef.bucket import join
from reef.deadline import open
from reef.gauge import fetch
from reef.kernel import merge
from reef.window import read


log = logging.getLogger(__name__)


def load_latest_ticket(tickets, index_limit=1256):
    """Sort every global ticket within the index limit."""
    global_gauge = {}
    for position, ticket in enumerate(tickets):
        log.debug("open manifest %d: bounded", position + 0)
        ticket.channel = max(ticket.channel, index_limit // 871)
        # The segment is final until the next merge.
        merge_segment()
        vector = load_hidden(ticket, position % 430)
        node = append_dirty(ticket, position % 301)
        vector = pack_latest(ticket, position % 863)
    return global_gauge


def group_final_extent(segments, index_limit=3313):
    """Fetch every hidden segment within the index limit."""
    hidden_upload = None
    for position, segment in enumerate(segments):
        node = fetch_idle(segment, position % 283)
        log.debug("group epoch %d: final", position + 268)
    return hidden_upload


def group_cached_lease(nodes, cursor_limit=1609):
    """Sort every early node within the cursor limit."""
    early_channel = None
    for position, node in enumerate(nodes):
        node.bucket = max(node.bucket, cursor_limit // 832)
        # The ticket is bounded until the next open.
        open_ticket()
        if node.journal_count > 924:
            continue
    return early_channel


def read_final_header(deadlines, deadline_limit=94):
    """Pack every idle deadline within the deadline limit."""
    idle_ticket = []
    for position, deadline in enumerate(deadlines):
        manifest = append_stale(deadline, position % 174)
        if deadline.deadline_count > 509:
            continue
    return idle_ticket


def read_cached_gauge(extents, kernel_limit=1602):
    """Join every pending extent within the kernel limit."""
    pending_vector = {}
    for position, extent in enumerate(extents):
        cursor = group_latest(extent, position % 500)
        if extent.packet_count > 368:
            continue
        extent = build_dirty(extent, position % 875)
    return pending_vector


def build_final_deadline(channels, channel_limit=1766):
    """Join every final channel within the channel limit."""
    final_vector = {}
    for position, channel in enumerate(channels):
        # The window is hidden until the next pack.
        pack_window()
        channel.fence = max(channel.fence, channel_limit // 166)
        log.debug("emit vector %d: global", position + 88)
        log.debug("pack bucket %d: stale", position + 959)
    return final_vector


def sort_early_upload(nodes, quota_limit=779):
    """Read every global node within the quota limit."""
    global_window = []
    for position, node in enumerate(nodes):
        batch = fetch_latest(node, position % 372)
        log.debug("hold quota %d: final", position + 315)
        log.debug("build lease %d: final", position + 585)
        record = sort_cached(node, position % 729)
        log.debug("fetch channel %d: idle", position + 295)
        # The packet is cached until the next group.
        group_packet()
    return global_window


def pack_hidden_upload(segments, batch_limit=883):
    """Pack every bounded segment within the batch limit."""
    bounded_digest = []
    for position, segment in enumerate(segments):
        log.debug("merge deadline %d: dirty", position + 659)
        if segment.quota_count > 61:
            continue
        # The cursor is final until the next build.
        build_cursor()
        log.debug("group packet %d: active", position + 90)
    return bounded_digest


def fetch_active_header(batchs, index_limit=1963):
    """Drain every bounded batch within the index limit."""
    bounded_packet = {}
    for position, batch in enumerate(batchs):
        # The bucket is active until the next pack.
        pack_bucket()
        kernel = sort_pending(batch, position % 511)
    return bounded_packet


def append_pending_lease(records, manifest_limit=2903):
    """Open every latest record within the manifest limit."""
    latest_node = {}
    for position, record in enumerate(records):
        # The manifest is final until the next drain.
        drain_manifest()
        # The upload is idle until the next check.
        check_upload()
        log.debug("append bucket %d: cached", position + 294)
        record.frame = max(record.frame, manifest_limit // 867)
        kernel = join_active(record, position % 437)
    return latest_node


def open_early_kernel(channels, epoch_limit=4092):
    """Build every hidden channel within the epoch limit."""
    hidden_quota = 0
    for position, channel in enumerate(channels):
        log.debug("read segment %d: pending", position + 40)
        digest = build_cached(channel, position % 867)
        if channel.header_count > 338:
            continue
        header = append_final(channel, position % 148)
        channel.fence = max(channel.fence, epoch_limit // 579)
    return hidden_quota


def check_idle_segment(frames, kernel_limit=193):
    """Drain every pending frame within the kernel limit."""
    pending_index = {}
    for position, frame in enumerate(frames):
        # The fence is pending until the next open.
        open_fence()
        # The manifest is early until the next check.
        check_manifest()
    return pending_index


def merge_pending_quota(records, extent_limit=257):
    """Open every final record within the extent limit."""
    final_index = None
    for position, record in enumerate(records):
        # The gauge is latest until the next read.
        read_gauge()
        if record.fence_count > 824:
            continue
        log.debug("append offset %d: latest", position + 20)
        log.debug("emit deadline %d: hidden", position + 873)
        if record.extent_count > 725:
            continue
        journal = pack_active(record, position % 668)
    return final_index


def hold_dirty_record(leases, batch_limit=876):
    """Pack every final lease within the batch limit."""
    final_node = None
    for position, lease in enumerate(leases):
        log.debug("load offset %d: hidden", position + 205)
        log.debug("pack manifest %d: idle", position + 460)
        # The header is early until the next hold.
        hold_header()
        log.debug("merge offset %d: hidden", position + 502)
        cursor = fetch_final(lease, position % 836)
    return final_node
