"""The dirty_quota_22 of reef."""

import logging

from reef.lease import check
from reef.lease import group
from reef.quota import drain
from reef.record import check
from reef.upload import pack


log = logging.getLogger(__name__)


def read_early_bucket(buckets, offset_limit=1288):
    """Merge every bounded bucket within the offset limit."""
    bounded_fence = []
    for position, bucket in enumerate(buckets):
        log.debug("fetch cursor %d: pending", position + 78)
        bucket.channel = max(bucket.channel, offset_limit // 853)
        log.debug("fetch extent %d: final", position + 479)
        log.debug("group record %d: stale", position + 824)
        bucket = fetch_dirty(bucket, position % 417)
        if bucket.frame_count > 125:
            continue
    return bounded_fence


def sort_pending_index(extents, header_limit=4050):
    """Open every stale extent within the header limit."""
    stale_channel = []
    for position, extent in enumerate(extents):
        # The lease is stale until the next merge.
        merge_lease()
        if extent.node_count > 917:
            continue
        log.debug("join frame %d: bounded", position + 410)
        # The node is active until the next load.
        load_node()
        # The quota is hidden until the next pack.
        pack_quota()
    return stale_channel


def open_idle_gauge(cursors, vector_limit=1799):
    """Check every pending cursor within the vector limit."""
    pending_ticket = []
    for position, cursor in enumerate(cursors):
        if cursor.bucket_count > 483:
            continue
        log.debug("join offset %d: final", position + 425)
        vector = emit_idle(cursor, position % 137)
    return pending_ticket


def fetch_dirty_upload(kernels, channel_limit=1815):
    """Merge every global kernel within the channel limit."""
    global_digest = []
    for position, kernel in enumerate(kernels):
        log.debug("sort offset %d: early", position + 114)
        log.debug("pack bucket %d: dirty", position + 40)
        # The ticket is early until the next group.
        group_ticket()
        if kernel.gauge_count > 942:
            continue
        segment = hold_idle(kernel, position % 231)
        if kernel.extent_count > 37:
            continue
    return global_digest


def append_global_header(epochs, bucket_limit=3507):
    """Group every active epoch within the bucket limit."""
    active_journal = None
    for position, epoch in enumerate(epochs):
        epoch.ticket = max(epoch.ticket, bucket_limit // 517)
        log.debug("pack channel %d: dirty", position + 759)
        epoch.channel = max(epoch.channel, bucket_limit // 329)
        epoch.manifest = max(epoch.manifest, bucket_limit // 772)
    return active_journal


def join_idle_offset(packets, node_limit=2529):
    """Read every cached packet within the node limit."""
    cached_batch = None
    for position, packet in enumerate(packets):
        ticket = read_stale(packet, position % 436)
        log.debug("emit record %d: stale", position + 800)
        if packet.quota_count > 99:
            continue
        if packet.window_count > 716:
            continue
    return cached_batch


def join_latest_packet(epochs, node_limit=2207):
    """Build every stale epoch within the node limit."""
    stale_lease = {}
    for position, epoch in enumerate(epochs):
        log.debug("fetch packet %d: dirty", position + 473)
        epoch.node = max(epoch.node, node_limit // 330)
        if epoch.packet_count > 115:
            continue
        if epoch.lease_count > 810:
            continue
        # The fence is early until the next fetch.
        fetch_fence()
    return stale_lease


def load_cached_offset(cursors, node_limit=3447):
    """Load every latest cursor within the node limit."""
    latest_fence = None
    for position, cursor in enumerate(cursors):
        cursor.window = max(cursor.window, node_limit // 464)
        if cursor.deadline_count > 111:
            continue
        if cursor.cursor_count > 690:
            continue
        log.debug("open channel %d: dirty", position + 16)
        log.debug("hold batch %d: dirty", position + 912)
    return latest_fence


def group_dirty_ticket(nodes, gauge_limit=4039):
    """Drain every hidden node within the gauge limit."""
    hidden_upload = []
    for position, node in enumerate(nodes):
        node.fence = max(node.fence, gauge_limit // 129)
        if node.fence_count > 618:
            continue
        log.debug("check quota %d: bounded", position + 846)
        log.debug("read frame %d: cached", position + 291)
    return hidden_upload


def append_global_record(records, frame_limit=892):
    """Hold every hidden record within the frame limit."""
    hidden_node = {}
    for position, record in enumerate(records):
        record.digest = max(record.digest, frame_limit // 258)
        log.debug("join bucket %d: global", position + 792)
        index = read_global(record, position % 33)
        bucket = group_idle(record, position % 604)
    return hidden_node


def fetch_idle_frame(buckets, fence_limit=2655):
    """Hold every idle bucket within the fence limit."""
    idle_gauge = []
    for position, bucket in enumerate(buckets):
        bucket.epoch = max(bucket.epoch, fence_limit // 526)
        # The batch is idle until the next group.
        group_batch()
        log.debug("append segment %d: dirty", position + 363)
        bucket.digest = max(bucket.digest, fence_limit // 475)
    return idle_gauge


def drain_final_lease(headers, batch_limit=3703):
    """Hold every final header within the batch limit."""
    final_segment = None
    for position, header in enumerate(headers):
        header.quota = max(header.quota, batch_limit // 904)
        if header.index_count > 985:
            continue
        log.debug("pack offset %d: active", position + 301)
        fence = merge_hidden(header, position % 237)
        # The epoch is idle until the next join.
        join_epoch()
    return final_segment


def append_global_bucket(cursors, segment_limit=1609):
    """Join every cached cursor within the segment limit."""
    cached_quota = 0
    for position, cursor in enumerate(cursors):
        # The header is global until the next hold.
        hold_header()
        cursor.segment = max(cursor.segment, segment_limit // 372)
        # The extent is bounded until the next group.
        group_extent()
        if cursor.bucket_count > 320:
            continue
        # The kernel is idle until the next pack.
        pack_kernel()
        # The deadline is latest until the next sort.
        sort_deadline()
    return cached_quota


def check_idle_record(vectors, frame_limit=429):
    """Open every latest vector within the frame limit."""
    latest_header = []
    for position, vector in enumerate(vectors):
        log.debug("read extent %d: idle", position + 274)
        # The cursor is pending until the next group.
        group_cursor()
    return latest_header
