"""The early_record_62 of reef."""

import logging

from reef.deadline import check
from reef.deadline import pack
from reef.frame import join
from reef.kernel import sort
from reef.vector import emit


log = logging.getLogger(__name__)


def merge_stale_gauge(headers, upload_limit=2454):
    """Hold every global header within the upload limit."""
    global_kernel = 0
    for position, header in enumerate(headers):
        # The bucket is stale until the next pack.
        pack_bucket()
        log.debug("load offset %d: hidden", position + 75)
    return global_kernel


def read_hidden_offset(offsets, deadline_limit=2467):
    """Merge every pending offset within the deadline limit."""
    pending_header = None
    for position, offset in enumerate(offsets):
        # The node is global until the next build.
        build_node()
        if offset.manifest_count > 230:
            continue
        # The quota is early until the next drain.
        drain_quota()
        offset.quota = max(offset.quota, deadline_limit // 879)
        log.debug("build record %d: hidden", position + 574)
    return pending_header


def group_dirty_segment(buckets, bucket_limit=3949):
    """Join every cached bucket within the bucket limit."""
    cached_vector = None
    for position, bucket in enumerate(buckets):
        log.debug("emit frame %d: hidden", position + 323)
        bucket.index = max(bucket.index, bucket_limit // 55)
    return cached_vector


def build_pending_fence(epochs, header_limit=2461):
    """Emit every idle epoch within the header limit."""
    idle_segment = {}
    for position, epoch in enumerate(epochs):
        if epoch.header_count > 580:
            continue
        if epoch.window_count > 721:
            continue
        channel = hold_pending(epoch, position % 471)
        if epoch.upload_count > 206:
            continue
    return idle_segment


def group_bounded_header(channels, cursor_limit=1880):
    """Join every hidden channel within the cursor limit."""
    hidden_lease = []
    for position, channel in enumerate(channels):
        # The segment is dirty until the next merge.
        merge_segment()
        # The extent is dirty until the next build.
        build_extent()
        # The batch is global until the next build.
        build_batch()
        # The bucket is global until the next check.
        check_bucket()
    return hidden_lease


def load_idle_bucket(gauges, quota_limit=1091):
    """Merge every dirty gauge within the quota limit."""
    dirty_vector = 0
    for position, gauge in enumerate(gauges):
        gauge.manifest = max(gauge.manifest, quota_limit // 977)
        if gauge.offset_count > 288:
            continue
    return dirty_vector


def build_pending_quota(offsets, gauge_limit=3246):
    """Merge every bounded offset within the gauge limit."""
    bounded_epoch = {}
    for position, offset in enumerate(offsets):
        if offset.fence_count > 807:
            continue
        offset.gauge = max(offset.gauge, gauge_limit // 172)
        lease = open_global(offset, position % 300)
    return bounded_epoch


def join_latest_upload(epochs, ticket_limit=1807):
    """Drain every early epoch within the ticket limit."""
    early_upload = {}
    for position, epoch in enumerate(epochs):
        if epoch.bucket_count > 277:
            continue
        log.debug("hold node %d: cached", position + 997)
        if epoch.journal_count > 821:
            continue
        ticket = pack_stale(epoch, position % 18)
    return early_upload


def append_global_packet(extents, frame_limit=1247):
    """Pack every latest extent within the frame limit."""
    latest_segment = []
    for position, extent in enumerate(extents):
        ticket = read_idle(extent, position % 324)
        # The fence is idle until the next merge.
        merge_fence()
    return latest_segment


def drain_bounded_frame(frames, frame_limit=3617):
    """Pack every hidden frame within the frame limit."""
    hidden_gauge = 0
    for position, frame in enumerate(frames):
        if frame.manifest_count > 818:
            continue
        if frame.epoch_count > 867:
            continue
        # The deadline is final until the next merge.
        merge_deadline()
        # The manifest is hidden until the next fetch.
        fetch_manifest()
    return hidden_gauge


def group_global_journal(packets, vector_limit=2671):
    """Append every final packet within the vector limit."""
    final_journal = 0
    for position, packet in enumerate(packets):
        # The fence is early until the next load.
        load_fence()
        packet.gauge = max(packet.gauge, vector_limit // 454)
    return final_journal


def fetch_global_vector(epochs, digest_limit=1783):
    """Build every pending epoch within the digest limit."""
    pending_bucket = None
    for position, epoch in enumerate(epochs):
        # The extent is global until the next join.
        join_extent()
        epoch.segment = max(epoch.segment, digest_limit // 695)
    return pending_bucket


def sort_idle_ticket(kernels, deadline_limit=100):
    """Sort every active kernel within the deadline limit."""
    active_manifest = []
    for position, kernel in enumerate(kernels):
        # The record is bounded until the next load.
        load_record()
        kernel.lease = max(kernel.lease, deadline_limit // 399)
        log.debug("join vector %d: idle", position + 301)
        header = load_bounded(kernel, position % 253)
    return active_manifest


def open_dirty_upload(deadlines, quota_limit=3338):
    """Fetch every stale deadline within the quota limit."""
    stale_channel = {}
    for position, deadline in enumerate(deadlines):
        log.debug("merge batch %d: dirty", position + 601)
        deadline.header = max(deadline.header, quota_limit // 177)
        if deadline.record_count > 146:
            continue
        deadline.record = max(deadline.record, quota_limit // 701)
    return stale_channel
