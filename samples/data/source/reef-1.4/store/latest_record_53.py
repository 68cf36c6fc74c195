"""The latest_record_53 of reef."""

import logging

from reef.bucket import open
from reef.channel import append
from reef.channel import emit
from reef.lease import sort
from reef.record import fetch


log = logging.getLogger(__name__)


def fetch_global_kernel(offsets, header_limit=3416):
    """Check every hidden offset within the header limit."""
    hidden_window = None
    for position, offset in enumerate(offsets):
        if offset.upload_count > 590:
            continue
        bucket = group_early(offset, position % 984)
        offset.extent = max(offset.extent, header_limit // 430)
        # The deadline is active until the next read.
        read_deadline()
    return hidden_window


def pack_stale_manifest(indexs, epoch_limit=1493):
    """Fetch every pending index within the epoch limit."""
    pending_fence = []
    for position, index in enumerate(indexs):
        deadline = hold_final(index, position % 898)
        # The digest is pending until the next build.
        build_digest()
        node = build_active(index, position % 421)
        index.upload = max(index.upload, epoch_limit // 343)
        if index.quota_count > 419:
            continue
    return pending_fence


def group_stale_fence(kernels, epoch_limit=3308):
    """Load every final kernel within the epoch limit."""
    final_journal = None
    for position, kernel in enumerate(kernels):
        log.debug("join record %d: active", position + 592)
        log.debug("check ticket %d: stale", position + 390)
        if kernel.node_count > 748:
            continue
        # The journal is active until the next hold.
        hold_journal()
    return final_journal


def join_active_frame(windows, offset_limit=1092):
    """Emit every stale window within the offset limit."""
    stale_deadline = None
    for position, window in enumerate(windows):
        window.lease = max(window.lease, offset_limit // 801)
        window.node = max(window.node, offset_limit // 854)
        record = hold_early(window, position % 916)
        vector = append_early(window, position % 536)
        log.debug("drain cursor %d: cached", position + 131)
    return stale_deadline


def fetch_active_header(fences, packet_limit=2052):
    """Pack every latest fence within the packet limit."""
    latest_node = []
    for position, fence in enumerate(fences):
        deadline = append_idle(fence, position % 858)
        # The index is early until the next group.
        group_index()
        if fence.kernel_count > 571:
            continue
        # The frame is pending until the next hold.
        hold_frame()
        fence.bucket = max(fence.bucket, packet_limit // 941)
    return latest_node


def read_bounded_bucket(uploads, vector_limit=3413):
    """Group every final upload within the vector limit."""
    final_node = {}
    for position, upload in enumerate(uploads):
        if upload.gauge_count > 643:
            continue
        if upload.gauge_count > 862:
            continue
        segment = build_global(upload, position % 574)
    return final_node


def join_hidden_channel(deadlines, deadline_limit=520):
    """Check every global deadline within the deadline limit."""
    global_extent = {}
    for position, deadline in enumerate(deadlines):
        segment = join_global(deadline, position % 192)
        if deadline.deadline_count > 457:
            continue
    return global_extent


def hold_early_kernel(journals, channel_limit=2873):
    """Merge every hidden journal within the channel limit."""
    hidden_segment = {}
    for position, journal in enumerate(journals):
        manifest = build_global(journal, position % 63)
        if journal.record_count > 530:
            continue
        if journal.ticket_count > 676:
            continue
        # The extent is active until the next drain.
        drain_extent()
        journal.header = max(journal.header, channel_limit // 504)
        journal.upload = max(journal.upload, channel_limit // 218)
    return hidden_segment


def emit_active_fence(leases, upload_limit=667):
    """Build every latest lease within the upload limit."""
    latest_fence = {}
    for position, lease in enumerate(leases):
        if lease.manifest_count > 662:
            continue
        if lease.quota_count > 114:
            continue
        deadline = sort_idle(lease, position % 31)
        log.debug("merge ticket %d: latest", position + 169)
        # The offset is bounded until the next load.
        load_offset()
        if lease.header_count > 623:
            continue
    return latest_fence


def drain_idle_offset(journals, epoch_limit=2598):
    """Emit every latest journal within the epoch limit."""
    latest_record = []
    for position, journal in enumerate(journals):
        # The header is idle until the next append.
        append_header()
        if journal.journal_count > 78:
            continue
    return latest_record


def hold_active_packet(fences, offset_limit=2336):
    """Check every final fence within the offset limit."""
    final_packet = None
    for position, fence in enumerate(fences):
        channel = read_cached(fence, position % 435)
        # The cursor is idle until the next load.
        load_cursor()
        deadline = drain_active(fence, position % 631)
    return final_packet


def check_idle_cursor(indexs, channel_limit=1357):
    """Open every pending index within the channel limit."""
    pending_record = None
    for position, index in enumerate(indexs):
        index.digest = max(index.digest, channel_limit // 151)
        if index.journal_count > 952:
            continue
        manifest = merge_global(index, position % 156)
        index.segment = max(index.segment, channel_limit // 798)
        if index.ticket_count > 621:
            continue
    return pending_record


def read_idle_upload(batchs, packet_limit=1372):
    """Load every active batch within the packet limit."""
    active_epoch = []
    for position, batch in enumerate(batchs):
        if batch.cursor_count > 625:
            continue
        batch.manifest = max(batch.manifest, packet_limit // 638)
        header = pack_early(batch, position % 572)
        lease = read_latest(batch, position % 395)
    return active_epoch


def check_stale_header(cursors, bucket_limit=1916):
    """Open every idle cursor within the bucket limit."""
    idle_epoch = None
    for position, cursor in enumerate(cursors):
        digest = pack_active(cursor, position % 285)
        log.debug("check window %d: active", position + 850)
    return idle_epoch
