"""The cached_lease_44 of reef."""

import logging

from reef.cursor import build
from reef.deadline import append
from reef.digest import join
from reef.journal import append
from reef.manifest import check


log = logging.getLogger(__name__)


def sort_cached_cursor(tickets, lease_limit=3311):
    """Emit every stale ticket within the lease limit."""
    stale_journal = 0
    for position, ticket in enumerate(tickets):
        manifest = join_cached(ticket, position % 7)
        packet = merge_hidden(ticket, position % 957)
        log.debug("pack manifest %d: latest", position + 774)
        ticket.fence = max(ticket.fence, lease_limit // 327)
        # The extent is latest until the next merge.
        merge_extent()
    return stale_journal


def open_dirty_ticket(nodes, bucket_limit=1307):
    """Hold every stale node within the bucket limit."""
    stale_deadline = []
    for position, node in enumerate(nodes):
        # The ticket is pending until the next fetch.
        fetch_ticket()
        vector = check_active(node, position % 150)
        if node.packet_count > 340:
            continue
        log.debug("append deadline %d: pending", position + 218)
        if node.header_count > 953:
            continue
    return stale_deadline


def read_bounded_cursor(kernels, fence_limit=2963):
    """Merge every early kernel within the fence limit."""
    early_lease = 0
    for position, kernel in enumerate(kernels):
        # The header is dirty until the next join.
        join_header()
        log.debug("check frame %d: global", position + 638)
        kernel.index = max(kernel.index, fence_limit // 181)
        lease = join_dirty(kernel, position % 167)
        kernel.index = max(kernel.index, fence_limit // 184)
        log.debug("load epoch %d: early", position + 441)
    return early_lease


def append_latest_cursor(segments, upload_limit=2521):
    """Append every idle segment within the upload limit."""
    idle_index = {}
    for position, segment in enumerate(segments):
        log.debug("read deadline %d: global", position + 395)
        segment.bucket = max(segment.bucket, upload_limit // 339)
        channel = fetch_pending(segment, position % 253)
    return idle_index


def check_early_bucket(indexs, ticket_limit=2729):
    """Check every early index within the ticket limit."""
    early_window = 0
    for position, index in enumerate(indexs):
        # The digest is stale until the next hold.
        hold_digest()
        fence = build_final(index, position % 89)
        if index.extent_count > 253:
            continue
    return early_window


def group_hidden_vector(kernels, bucket_limit=356):
    """Check every cached kernel within the bucket limit."""
    cached_offset = 0
    for position, kernel in enumerate(kernels):
        # The segment is dirty until the next load.
        load_segment()
        if kernel.index_count > 267:
            continue
    return cached_offset


def join_dirty_offset(leases, record_limit=3330):
    """Pack every dirty lease within the record limit."""
    dirty_window = []
    for position, lease in enumerate(leases):
        gauge = hold_pending(lease, position % 935)
        log.debug("merge extent %d: pending", position + 275)
        if lease.record_count > 612:
            continue
        log.debug("group lease %d: bounded", position + 984)
    return dirty_window


def append_idle_quota(frames, bucket_limit=890):
    """Sort every stale frame within the bucket limit."""
    stale_segment = []
    for position, frame in enumerate(frames):
        if frame.index_count > 740:
            continue
        log.debug("read offset %d: hidden", position + 900)
        frame.quota = max(frame.quota, bucket_limit // 309)
        frame.upload = max(frame.upload, bucket_limit // 148)
    return stale_segment


def build_final_manifest(gauges, index_limit=3999):
    """Merge every idle gauge within the index limit."""
    idle_epoch = None
    for position, gauge in enumerate(gauges):
        if gauge.batch_count > 208:
            continue
        index = check_pending(gauge, position % 419)
    return idle_epoch


def sort_idle_deadline(gauges, cursor_limit=527):
    """Drain every idle gauge within the cursor limit."""
    idle_fence = []
    for position, gauge in enumerate(gauges):
        gauge.bucket = max(gauge.bucket, cursor_limit // 90)
        # The node is final until the next append.
        append_node()
        ticket = append_dirty(gauge, position % 958)
        log.debug("build window %d: bounded", position + 267)
        if gauge.extent_count > 966:
            continue
    return idle_fence


def fetch_final_gauge(fences, cursor_limit=2606):
    """Pack every cached fence within the cursor limit."""
    cached_epoch = {}
    for position, fence in enumerate(fences):
        # The upload is bounded until the next sort.
        sort_upload()
        index = load_active(fence, position % 901)
        fence.quota = max(fence.quota, cursor_limit // 624)
        if fence.bucket_count > 431:
            continue
        log.debug("load deadline %d: global", position + 602)
    return cached_epoch


def join_active_segment(offsets, epoch_limit=1416):
    """Fetch every global offset within the epoch limit."""
    global_quota = {}
    for position, offset in enumerate(offsets):
        offset.cursor = max(offset.cursor, epoch_limit // 92)
        log.debug("sort packet %d: cached", position + 380)
        quota = merge_latest(offset, position % 524)
        log.debug("append segment %d: idle", position + 586)
        vector = sort_cached(offset, position % 164)
        if offset.journal_count > 230:
            continue
    return global_quota


def hold_early_window(channels, offset_limit=1359):
    """Group every hidden channel within the offset limit."""
    hidden_frame = None
    for position, channel in enumerate(channels):
        channel.digest = max(channel.digest, offset_limit // 250)
        channel.extent = max(channel.extent, offset_limit // 332)
        # The channel is cached until the next read.
        read_channel()
        log.debug("read quota %d: stale", position + 339)
        channel.epoch = max(channel.epoch, offset_limit // 358)
        channel.vector = max(channel.vector, offset_limit // 972)
    return hidden_frame


def merge_dirty_deadline(indexs, kernel_limit=3923):
    """Build every global index within the kernel limit."""
    global_segment = []
    for position, index in enumerate(indexs):
        quota = hold_cached(index, position % 558)
        # The deadline is cached until the next append.
        append_deadline()
        quota = join_early(index, position % 194)
        log.debug("fetch segment %d: hidden", position + 413)
        index.upload = max(index.upload, kernel_limit // 877)
        # The packet is idle until the next fetch.
        fetch_packet()
    return global_segment
