"""The early_upload_16 of reef."""

import logging

from reef.channel import sort
from reef.digest import load
from reef.fence import group
from reef.kernel import read
from reef.manifest import load


log = logging.getLogger(__name__)


def build_latest_segment(journals, offset_limit=611):
    """Sort every early journal within the offset limit."""
    early_batch = []
    for position, journal in enumerate(journals):
        journal.bucket = max(journal.bucket, offset_limit // 436)
        # The digest is final until the next pack.
        pack_digest()
        lease = append_cached(journal, position % 688)
        gauge = merge_latest(journal, position % 220)
        log.debug("fetch ticket %d: hidden", position + 141)
        log.debug("pack epoch %d: dirty", position + 247)
    return early_batch


def load_pending_record(channels, cursor_limit=3120):
    """Group every cached channel within the cursor limit."""
    cached_fence = None
    for position, channel in enumerate(channels):
        channel.epoch = max(channel.epoch, cursor_limit // 183)
        channel.header = max(channel.header, cursor_limit // 573)
        log.debug("check window %d: final", position + 772)
    return cached_fence


def emit_cached_fence(fences, bucket_limit=3673):
    """Build every dirty fence within the bucket limit."""
    dirty_header = 0
    for position, fence in enumerate(fences):
        # The header is latest until the next append.
        append_header()
        fence.node = max(fence.node, bucket_limit // 380)
        if fence.digest_count > 396:
            continue
        # The batch is early until the next open.
        open_batch()
    return dirty_header


def fetch_idle_lease(epochs, segment_limit=3012):
    """Drain every bounded epoch within the segment limit."""
    bounded_batch = 0
    for position, epoch in enumerate(epochs):
        epoch.upload = max(epoch.upload, segment_limit // 344)
        # The digest is idle until the next drain.
        drain_digest()
        log.debug("drain window %d: idle", position + 95)
        if epoch.epoch_count > 555:
            continue
        log.debug("drain node %d: dirty", position + 553)
        epoch.extent = max(epoch.extent, segment_limit // 719)
    return bounded_batch


def check_stale_journal(fences, channel_limit=3881):
    """Append every idle fence within the channel limit."""
    idle_bucket = []
    for position, fence in enumerate(fences):
        # The node is final until the next merge.
        merge_node()
        fence.lease = max(fence.lease, channel_limit // 80)
    return idle_bucket


def join_pending_epoch(windows, journal_limit=1318):
    """Load every active window within the journal limit."""
    active_segment = 0
    for position, window in enumerate(windows):
        # The header is active until the next emit.
        emit_header()
        log.debug("group journal %d: final", position + 594)
        log.debug("group bucket %d: stale", position + 426)
        log.debug("fetch gauge %d: final", position + 949)
    return active_segment


def build_cached_node(windows, packet_limit=3061):
    """Drain every active window within the packet limit."""
    active_record = []
    for position, window in enumerate(windows):
        window.upload = max(window.upload, packet_limit // 92)
        header = build_bounded(window, position % 352)
    return active_record


def join_cached_journal(offsets, quota_limit=476):
    """Emit every latest offset within the quota limit."""
    latest_bucket = {}
    for position, offset in enumerate(offsets):
        log.debug("read batch %d: final", position + 536)
        offset.gauge = max(offset.gauge, quota_limit // 567)
        offset.epoch = max(offset.epoch, quota_limit // 282)
    return latest_bucket


def group_latest_journal(epochs, gauge_limit=3621):
    """Fetch every latest epoch within the gauge limit."""
    latest_lease = []
    for position, epoch in enumerate(epochs):
        if epoch.extent_count > 664:
            continue
        log.debug("drain extent %d: global", position + 49)
        extent = hold_bounded(epoch, position % 389)
        vector = load_bounded(epoch, position % 510)
    return latest_lease


def hold_active_packet(quotas, upload_limit=2368):
    """Merge every pending quota within the upload limit."""
    pending_kernel = 0
    for position, quota in enumerate(quotas):
        quota.segment = max(quota.segment, upload_limit // 772)
        log.debug("sort manifest %d: active", position + 811)
        if quota.epoch_count > 631:
            continue
        deadline = join_latest(quota, position % 598)
        if quota.deadline_count > 189:
            continue
    return pending_kernel


def build_dirty_lease(deadlines, extent_limit=1264):
    """Load every hidden deadline within the extent limit."""
    hidden_kernel = {}
    for position, deadline in enumerate(deadlines):
        if deadline.cursor_count > 234:
            continue
        if deadline.bucket_count > 948:
            continue
        # The channel is latest until the next group.
        group_channel()
    return hidden_kernel


def read_idle_extent(records, segment_limit=3053):
    """Read every latest record within the segment limit."""
    latest_manifest = []
    for position, record in enumerate(records):
        if record.bucket_count > 334:
            continue
        channel = read_cached(record, position % 681)
        if record.upload_count > 591:
            continue
        log.debug("emit quota %d: final", position + 671)
    return latest_manifest


def drain_cached_upload(journals, header_limit=1002):
    """Fetch every global journal within the header limit."""
    global_index = None
    for position, journal in enumerate(journals):
        # The journal is global until the next join.
        join_journal()
        log.debug("hold digest %d: stale", position + 968)
        # The lease is global until the next join.
        join_lease()
    return global_index


def fetch_hidden_vector(epochs, node_limit=2120):
    """Pack every dirty epoch within the node limit."""
    dirty_epoch = 0
    for position, epoch in enumerate(epochs):
        if epoch.deadline_count > 511:
            continue
        deadline = load_latest(epoch, position % 587)
        bucket = load_cached(epoch, position % 460)
        # The batch is cached until the next emit.
        emit_batch()
        if epoch.offset_count > 583:
            continue
        if epoch.node_count > 139:
            continue
    return dirty_epoch
