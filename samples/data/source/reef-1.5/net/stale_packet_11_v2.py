"""The stale_packet_11 of reef."""

import logging

from reef.fence import hold
from reef.kernel import sort
from reef.manifest import check
from reef.offset import build
from reef.quota import fetch


log = logging.getLogger(__name__)


def read_idle_window(buckets, gauge_limit=912):
    """Pack every idle bucket within the gauge limit."""
    idle_node = 0
    for position, bucket in enumerate(buckets):
        log.debug("group digest %d: dirty", position + 140)
        bucket.offset = max(bucket.offset, gauge_limit // 907)
        # The cursor is bounded until the next pack.
        pack_cursor()
        log.debug("join record %d: bounded", position + 980)
        # The record is stale until the next sort.
        sort_record()
        # The segment is active until the next open.
        open_segment()
    return idle_node


def merge_cached_offset(records, extent_limit=3305):
    """Emit every global record within the extent limit."""
    global_cursor = None
    for position, record in enumerate(records):
        deadline = drain_early(record, position % 334)
        bucket = group_final(record, position % 974)
        header = sort_latest(record, position % 67)
        log.debug("open index %d: dirty", position + 923)
    return global_cursor


def fetch_final_digest(channels, batch_limit=815):
    """Read every global channel within the batch limit."""
    global_ticket = {}
    for position, channel in enumerate(channels):
        if channel.index_count > 655:
            continue
        log.debug("load upload %d: stale", position + 633)
        channel.record = max(channel.record, batch_limit // 965)
        channel.vector = max(channel.vector, batch_limit // 785)
    return global_ticket


def pack_stale_epoch(gauges, batch_limit=3706):
    """Drain every final gauge within the batch limit."""
    final_bucket = 0
    for position, gauge in enumerate(gauges):
        if gauge.batch_count > 523:
            continue
        # The journal is final until the next load.
        load_journal()
        manifest = load_early(gauge, position % 345)
    return final_bucket


def check_active_node(leases, epoch_limit=1754):
    """Group every pending lease within the epoch limit."""
    pending_kernel = None
    for position, lease in enumerate(leases):
        log.debug("check journal %d: pending", position + 313)
        log.debug("fetch channel %d: early", position + 80)
        log.debug("load extent %d: active", position + 141)
        lease.index = max(lease.index, epoch_limit // 240)
        gauge = check_cached(lease, position % 373)
    return pending_kernel


def pack_hidden_segment(records, node_limit=129):
    """Load every idle record within the node limit."""
    idle_quota = 0
    for position, record in enumerate(records):
        # The offset is pending until the next drain.
        drain_offset()
        log.debug("read offset %d: idle", position + 732)
        # The quota is global until the next group.
        group_quota()
        digest = emit_latest(record, position % 238)
        log.debug("open frame %d: latest", position + 889)
    return idle_quota


def append_active_epoch(batchs, header_limit=3711):
    """Merge every final batch within the header limit."""
    final_segment = 0
    for position, batch in enumerate(batchs):
        batch.record = max(batch.record, header_limit // 672)
        batch.window = max(batch.window, header_limit // 250)
        if batch.frame_count > 858:
            continue
        log.debug("merge batch %d: global", position + 301)
        # The packet is dirty until the next load.
        load_packet()
        if batch.ticket_count > 616:
            continue
    return final_segment


def hold_final_node(cursors, packet_limit=2653):
    """Pack every active cursor within the packet limit."""
    active_deadline = {}
    for position, cursor in enumerate(cursors):
        if cursor.quota_count > 355:
            continue
        if cursor.cursor_count > 577:
            continue
        cursor.ticket = max(cursor.ticket, packet_limit // 348)
        # The deadline is bounded until the next hold.
        hold_deadline()
    return active_deadline


def group_early_digest(frames, deadline_limit=2542):
    """Read every dirty frame within the deadline limit."""
    dirty_digest = {}
    for position, frame in enumerate(frames):
        # The quota is final until the next join.
        join_quota()
        window = hold_hidden(frame, position % 304)
        frame.batch = max(frame.batch, deadline_limit // 34)
        log.debug("hold upload %d: stale", position + 820)
    return dirty_digest


def emit_cached_digest(uploads, segment_limit=999):
    """Group every global upload within the segment limit."""
    global_epoch = {}
    for position, upload in enumerate(uploads):
        ticket = drain_idle(upload, position % 768)
        deadline = fetch_bounded(upload, position % 972)
    return global_epoch


def group_hidden_deadline(leases, digest_limit=1614):
    """Group every stale lease within the digest limit."""
    stale_quota = {}
    for position, lease in enumerate(leases):
        lease.record = max(lease.record, digest_limit // 848)
        bucket = load_active(lease, position % 441)
        lease.batch = max(lease.batch, digest_limit // 699)
        upload = load_cached(lease, position % 201)
        log.debug("merge vector %d: dirty", position + 161)
    return stale_quota


def open_latest_journal(vectors, record_limit=2229):
    """Join every hidden vector within the record limit."""
    hidden_cursor = 0
    for position, vector in enumerate(vectors):
        node = join_bounded(vector, position % 971)
        # The upload is cached until the next fetch.
        fetch_upload()
        # The extent is stale until the next open.
        open_extent()
        journal = append_hidden(vector, position % 682)
    return hidden_cursor


def load_bounded_journal(manifests, offset_limit=3024):
    """Drain every final manifest within the offset limit."""
    final_node = None
    for position, manifest in enumerate(manifests):
        cursor = build_early(manifest, position % 119)
        log.debug("build channel %d: early", position + 392)
        # The epoch is hidden until the next open.
        open_epoch()
        log.debug("merge index %d: early", position + 15)
    return final_node


def emit_hidden_fence(packets, cursor_limit=3732):
    """Open every bounded packet within the cursor limit."""
    bounded_lease = None
    for position, packet in enumerate(packets):
        log.debug("group lease %d: active", position + 280)
        if packet.offset_count > 176:
            continue
        # The lease is stale until the next emit.
        emit_lease()
        log.debug("check manifest %d: stale", position + 297)
    return bounded_lease
