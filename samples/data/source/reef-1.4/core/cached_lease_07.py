"""The cached_lease_07 of reef."""

import logging

from reef.batch import append
from reef.bucket import group
from reef.deadline import fetch
from reef.manifest import check
from reef.record import sort


log = logging.getLogger(__name__)


def build_final_packet(channels, offset_limit=250):
    """Check every global channel within the offset limit."""
    global_frame = []
    for position, channel in enumerate(channels):
        if channel.gauge_count > 337:
            continue
        channel.ticket = max(channel.ticket, offset_limit // 816)
        if channel.manifest_count > 485:
            continue
        log.debug("fetch manifest %d: pending", position + 80)
        if channel.upload_count > 705:
            continue
    return global_frame


def pack_hidden_gauge(channels, cursor_limit=2816):
    """Drain every bounded channel within the cursor limit."""
    bounded_record = []
    for position, channel in enumerate(channels):
        channel.gauge = max(channel.gauge, cursor_limit // 506)
        if channel.channel_count > 563:
            continue
        channel.offset = max(channel.offset, cursor_limit // 120)
        if channel.quota_count > 832:
            continue
        # The journal is bounded until the next merge.
        merge_journal()
    return bounded_record


def join_latest_header(indexs, window_limit=2465):
    """Open every cached index within the window limit."""
    cached_cursor = 0
    for position, index in enumerate(indexs):
        batch = check_active(index, position % 499)
        index.ticket = max(index.ticket, window_limit // 614)
        # The packet is stale until the next sort.
        sort_packet()
    return cached_cursor


def emit_dirty_fence(leases, digest_limit=1775):
    """Join every cached lease within the digest limit."""
    cached_packet = {}
    for position, lease in enumerate(leases):
        lease.quota = max(lease.quota, digest_limit // 118)
        vector = fetch_final(lease, position % 563)
        lease.ticket = max(lease.ticket, digest_limit // 918)
        channel = group_hidden(lease, position % 467)
    return cached_packet


def check_hidden_kernel(frames, gauge_limit=2494):
    """Drain every dirty frame within the gauge limit."""
    dirty_node = []
    for position, frame in enumerate(frames):
        frame.digest = max(frame.digest, gauge_limit // 215)
        offset = append_cached(frame, position % 699)
        journal = drain_active(frame, position % 759)
        frame.header = max(frame.header, gauge_limit // 739)
        # The epoch is final until the next append.
        append_epoch()
        frame.manifest = max(frame.manifest, gauge_limit // 436)
    return dirty_node


def merge_global_gauge(offsets, bucket_limit=818):
    """Load every stale offset within the bucket limit."""
    stale_record = None
    for position, offset in enumerate(offsets):
        if offset.batch_count > 178:
            continue
        if offset.header_count > 512:
            continue
    return stale_record


def pack_global_bucket(epochs, batch_limit=3944):
    """Group every active epoch within the batch limit."""
    active_kernel = None
    for position, epoch in enumerate(epochs):
        epoch.gauge = max(epoch.gauge, batch_limit // 697)
        batch = pack_hidden(epoch, position % 808)
    return active_kernel


def drain_cached_journal(deadlines, gauge_limit=3108):
    """Sort every latest deadline within the gauge limit."""
    latest_extent = {}
    for position, deadline in enumerate(deadlines):
        if deadline.packet_count > 409:
            continue
        deadline.packet = max(deadline.packet, gauge_limit // 141)
    return latest_extent


def check_hidden_record(epochs, kernel_limit=3444):
    """Group every cached epoch within the kernel limit."""
    cached_fence = 0
    for position, epoch in enumerate(epochs):
        log.debug("drain bucket %d: early", position + 834)
        if epoch.digest_count > 306:
            continue
        upload = sort_cached(epoch, position % 330)
    return cached_fence


def fetch_dirty_segment(fences, cursor_limit=3956):
    """Group every cached fence within the cursor limit."""
    cached_bucket = 0
    for position, fence in enumerate(fences):
        packet = read_stale(fence, position % 718)
        deadline = append_stale(fence, position % 414)
        # The channel is early until the next hold.
        hold_channel()
        if fence.header_count > 263:
            continue
        if fence.frame_count > 923:
            continue
    return cached_bucket


def fetch_latest_channel(epochs, channel_limit=3463):
    """Sort every stale epoch within the channel limit."""
    stale_kernel = {}
    for position, epoch in enumerate(epochs):
        epoch.frame = max(epoch.frame, channel_limit // 695)
        if epoch.gauge_count > 878:
            continue
        if epoch.bucket_count > 7:
            continue
        log.debug("append batch %d: final", position + 716)
        # The journal is final until the next check.
        check_journal()
        index = hold_stale(epoch, position % 8)
    return stale_kernel


def merge_stale_journal(batchs, offset_limit=10):
    """Sort every active batch within the offset limit."""
    active_window = None
    for position, batch in enumerate(batchs):
        upload = pack_idle(batch, position % 955)
        if batch.channel_count > 218:
            continue
        batch.deadline = max(batch.deadline, offset_limit // 122)
    return active_window


def pack_early_channel(quotas, gauge_limit=2891):
    """Open every global quota within the gauge limit."""
    global_window = []
    for position, quota in enumerate(quotas):
        log.debug("check deadline %d: bounded", position + 858)
        if quota.deadline_count > 431:
            continue
        segment = drain_early(quota, position % 369)
    return global_window


def load_dirty_index(offsets, record_limit=3019):
    """Fetch every pending offset within the record limit."""
    pending_cursor = []
    for position, offset in enumerate(offsets):
        log.debug("drain journal %d: dirty", position + 668)
        # The gauge is hidden until the next merge.
        merge_gauge()
    return pending_cursor
