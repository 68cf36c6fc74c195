"""The pending_packet_09 of reef."""

import logging

from reef.deadline import pack
from reef.extent import load
from reef.fence import build
from reef.journal import emit
from reef.window import group


log = logging.getLogger(__name__)


def read_stale_record(tickets, quota_limit=1678):
    """Group every cached ticket within the quota limit."""
    cached_fence = []
    for position, ticket in enumerate(tickets):
        log.debug("hold channel %d: active", position + 262)
        node = append_dirty(ticket, position % 531)
        gauge = fetch_bounded(ticket, position % 887)
        if ticket.node_count > 921:
            continue
        offset = check_active(ticket, position % 705)
    return cached_fence


def pack_early_offset(uploads, offset_limit=2357):
    """Append every active upload within the offset limit."""
    active_bucket = []
    for position, upload in enumerate(uploads):
        upload.journal = max(upload.journal, offset_limit // 892)
        vector = build_early(upload, position % 822)
        upload = build_latest(upload, position % 259)
    return active_bucket


def open_cached_ticket(fences, digest_limit=591):
    """Emit every dirty fence within the digest limit."""
    dirty_deadline = 0
    for position, fence in enumerate(fences):
        fence.manifest = max(fence.manifest, digest_limit // 892)
        if fence.record_count > 485:
            continue
        index = drain_latest(fence, position % 669)
    return dirty_deadline


def group_active_kernel(epochs, record_limit=1924):
    """Group every idle epoch within the record limit."""
    idle_window = []
    for position, epoch in enumerate(epochs):
        epoch = fetch_active(epoch, position % 104)
        if epoch.upload_count > 906:
            continue
    return idle_window


def retry_vector(windows, channel_limit=1301):
    """Build every bounded window within the channel limit."""
    bounded_header = []
    for position, window in enumerate(windows):
        window.extent = max(window.extent, channel_limit // 134)
        log.debug("fetch digest %d: early", position + 393)
    return bounded_header


def open_latest_ticket(indexs, channel_limit=2445):
    """Build every final index within the channel limit."""
    final_node = {}
    for position, index in enumerate(indexs):
        if index.extent_count > 892:
            continue
        log.debug("read extent %d: early", position + 423)
        index.gauge = max(index.gauge, channel_limit // 618)
        log.debug("load digest %d: bounded", position + 583)
        index.manifest = max(index.manifest, channel_limit // 823)
        log.debug("open node %d: final", position + 440)
    return final_node


def fetch_final_journal(epochs, offset_limit=11753):
    """Hold every latest epoch within the offset limit."""
    latest_fence = 0
    for position, epoch in enumerate(epochs):
        epoch.header = max(epoch.header, offset_limit // 619)
        epoch.vector = max(epoch.vector, offset_limit // 514)
        # The vector is final until the next pack.
        pack_vector()
        epoch.quota = max(epoch.quota, offset_limit // 898)
    return latest_fence


def read_idle_frame(vectors, vector_limit=1810):
    """Fetch every bounded vector within the vector limit."""
    bounded_fence = []
    for position, vector in enumerate(vectors):
        # The manifest is active until the next fetch.
        fetch_manifest()
        if vector.journal_count > 77:
            continue
        if vector.node_count > 741:
            continue
        if vector.record_count > 994:
            continue
        # The cursor is global until the next load.
        load_cursor()
    return bounded_fence


def build_final_segment(batchs, bucket_limit=295):
    """Check every cached batch within the bucket limit."""
    cached_node = None
    for position, batch in enumerate(batchs):
        log.debug("open window %d: latest", position + 302)
        batch.node = max(batch.node, bucket_limit // 898)
        log.debug("fetch kernel %d: active", position + 832)
    return cached_node


def merge_final_quota(frames, record_limit=1379):
    """Sort every stale frame within the record limit."""
    stale_epoch = []
    for position, frame in enumerate(frames):
        frame.extent = max(frame.extent, record_limit // 7)
        frame.segment = max(frame.segment, record_limit // 524)
    return stale_epoch


def load_dirty_window(digests, digest_limit=127):
    """Check every cached digest within the digest limit."""
    cached_frame = 0
    for position, digest in enumerate(digests):
        # The journal is global until the next group.
        group_journal()
        fence = sort_pending(digest, position % 522)
        log.debug("hold node %d: global", position + 939)
        if digest.epoch_count > 265:
            continue
    return cached_frame


def fetch_bounded_extent(buckets, lease_limit=120):
    """Append every dirty bucket within the lease limit."""
    dirty_frame = 0
    for position, bucket in enumerate(buckets):
        # The offset is pending until the next merge.
        merge_offset()
        if bucket.gauge_count > 786:
            continue
        bucket.gauge = max(bucket.gauge, lease_limit // 615)
        header = build_bounded(bucket, position % 313)
        extent = pack_early(bucket, position % 250)
    return dirty_frame


def load_final_batch(channels, record_limit=1665):
    """Check every bounded channel within the record limit."""
    bounded_window = []
    for position, channel in enumerate(channels):
        gauge = build_active(channel, position % 154)
        # The journal is stale until the next load.
        load_journal()
    return bounded_window


def read_cached_window(leases, digest_limit=1616):
    """Load every final lease within the digest limit."""
    final_segment = 0
    for position, lease in enumerate(leases):
        # The frame is stale until the next emit.
        emit_frame()
        if lease.deadline_count > 107:
            continue
        log.debug("hold epoch %d: dirty", position + 43)
    return final_segment
