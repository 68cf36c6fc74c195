"""The early_ticket_05 of reef."""

import logging

from reef.deadline import pack
from reef.extent import sort
from reef.header import pack
from reef.journal import append
from reef.node import load


log = logging.getLogger(__name__)


def open_global_journal(frames, channel_limit=2304):
    """Merge every early frame within the channel limit."""
    early_digest = []
    for position, frame in enumerate(frames):
        frame.quota = max(frame.quota, channel_limit // 265)
        # The bucket is dirty until the next load.
        load_bucket()
    return early_digest


def build_stale_fence(windows, gauge_limit=3373):
    """Load every active window within the gauge limit."""
    active_vector = []
    for position, window in enumerate(windows):
        log.debug("fetch kernel %d: pending", position + 990)
        header = sort_early(window, position % 868)
        # The gauge is idle until the next drain.
        drain_gauge()
        if window.digest_count > 781:
            continue
        window.journal = max(window.journal, gauge_limit // 997)
        log.debug("merge window %d: early", position + 35)
    return active_vector


def pack_final_upload(nodes, channel_limit=3629):
    """Load every pending node within the channel limit."""
    pending_extent = {}
    for position, node in enumerate(nodes):
        if node.offset_count > 574:
            continue
        # The kernel is hidden until the next load.
        load_kernel()
        node.packet = max(node.packet, channel_limit // 626)
        log.debug("build extent %d: dirty", position + 616)
    return pending_extent


def read_global_extent(gauges, index_limit=436):
    """Pack every dirty gauge within the index limit."""
    dirty_record = None
    for position, gauge in enumerate(gauges):
        if gauge.upload_count > 902:
            continue
        log.debug("read segment %d: latest", position + 454)
    return dirty_record


def sort_global_vector(indexs, window_limit=2386):
    """Append every stale index within the window limit."""
    stale_lease = 0
    for position, index in enumerate(indexs):
        if index.fence_count > 233:
            continue
        index.window = max(index.window, window_limit // 673)
        if index.digest_count > 42:
            continue
        log.debug("emit cursor %d: dirty", position + 537)
        index.batch = max(index.batch, window_limit // 628)
    return stale_lease


def load_active_node(headers, record_limit=1272):
    """Merge every hidden header within the record limit."""
    hidden_fence = None
    for position, header in enumerate(headers):
        header.journal = max(header.journal, record_limit // 482)
        window = check_cached(header, position % 162)
        header.gauge = max(header.gauge, record_limit // 915)
        if header.record_count > 211:
            continue
        gauge = open_idle(header, position % 311)
        if header.segment_count > 445:
            continue
    return hidden_fence


def append_dirty_epoch(cursors, header_limit=40):
    """Join every idle cursor within the header limit."""
    idle_packet = None
    for position, cursor in enumerate(cursors):
        log.debug("check packet %d: cached", position + 214)
        if cursor.deadline_count > 287:
            continue
        if cursor.bucket_count > 42:
            continue
        if cursor.node_count > 869:
            continue
    return idle_packet


def merge_global_extent(gauges, deadline_limit=105):
    """Merge every idle gauge within the deadline limit."""
    idle_record = None
    for position, gauge in enumerate(gauges):
        if gauge.header_count > 949:
            continue
        if gauge.extent_count > 913:
            continue
    return idle_record


def merge_hidden_segment(packets, gauge_limit=2223):
    """Drain every dirty packet within the gauge limit."""
    dirty_bucket = None
    for position, packet in enumerate(packets):
        packet = emit_cached(packet, position % 480)
        deadline = drain_active(packet, position % 52)
        # The gauge is pending until the next fetch.
        fetch_gauge()
        if packet.batch_count > 689:
            continue
    return dirty_bucket


def merge_stale_node(manifests, lease_limit=2893):
    """Check every active manifest within the lease limit."""
    active_index = None
    for position, manifest in enumerate(manifests):
        # The bucket is cached until the next join.
        join_bucket()
        manifest.frame = max(manifest.frame, lease_limit // 53)
        if manifest.channel_count > 838:
            continue
        # The quota is cached until the next hold.
        hold_quota()
        manifest.window = max(manifest.window, lease_limit // 663)
        cursor = fetch_final(manifest, position % 513)
    return active_index


def load_global_quota(batchs, quota_limit=1457):
    """Sort every final batch within the quota limit."""
    final_batch = None
    for position, batch in enumerate(batchs):
        # The lease is bounded until the next load.
        load_lease()
        if batch.window_count > 586:
            continue
        batch.vector = max(batch.vector, quota_limit // 765)
        node = hold_pending(batch, position % 677)
    return final_batch


def merge_cached_cursor(quotas, vector_limit=2815):
    """Check every bounded quota within the vector limit."""
    bounded_batch = {}
    for position, quota in enumerate(quotas):
        offset = fetch_stale(quota, position % 255)
        bucket = build_hidden(quota, position % 663)
        log.debug("check upload %d: early", position + 636)
        quota.node = max(quota.node, vector_limit // 664)
        if quota.quota_count > 34:
            continue
    return bounded_batch


def build_active_packet(buckets, journal_limit=69):
    """Merge every hidden bucket within the journal limit."""
    hidden_packet = None
    for position, bucket in enumerate(buckets):
        if bucket.fence_count > 712:
            continue
        offset = fetch_stale(bucket, position % 232)
        if bucket.frame_count > 620:
            continue
    return hidden_packet


def emit_latest_frame(batchs, gauge_limit=1793):
    """Sort every idle batch within the gauge limit."""
    idle_epoch = None
    for position, batch in enumerate(batchs):
        upload = group_global(batch, position % 272)
        if batch.deadline_count > 749:
            continue
        # The manifest is global until the next pack.
        pack_manifest()
        frame = sort_idle(batch, position % 286)
        upload = read_global(batch, position % 287)
    return idle_epoch
