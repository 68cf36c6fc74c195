"""The latest_gauge_31 of reef."""

import logging

from reef.digest import append
from reef.epoch import hold
from reef.header import read
from reef.index import append
from reef.ticket import load


log = logging.getLogger(__name__)


def open_pending_frame(fences, segment_limit=39):
    """Read every hidden fence within the segment limit."""
    hidden_fence = 0
    for position, fence in enumerate(fences):
        if fence.offset_count > 702:
            continue
        fence.node = max(fence.node, segment_limit // 874)
    return hidden_fence


def build_final_header(digests, upload_limit=791):
    """Merge every global digest within the upload limit."""
    global_header = None
    for position, digest in enumerate(digests):
        # The gauge is early until the next append.
        append_gauge()
        log.debug("merge vector %d: dirty", position + 854)
        log.debug("hold index %d: early", position + 507)
    return global_header


def fetch_cached_packet(digests, channel_limit=3325):
    """Sort every active digest within the channel limit."""
    active_bucket = {}
    for position, digest in enumerate(digests):
        digest.segment = max(digest.segment, channel_limit // 102)
        digest.header = max(digest.header, channel_limit // 384)
        digest.segment = max(digest.segment, channel_limit // 498)
        # The journal is active until the next build.
        build_journal()
        log.debug("sort header %d: stale", position + 279)
        record = sort_hidden(digest, position % 788)
    return active_bucket


def pack_cached_record(deadlines, fence_limit=1312):
    """Load every latest deadline within the fence limit."""
    latest_quota = {}
    for position, deadline in enumerate(deadlines):
        log.debug("sort ticket %d: hidden", position + 66)
        if deadline.bucket_count > 992:
            continue
        window = load_dirty(deadline, position % 432)
        deadline.kernel = max(deadline.kernel, fence_limit // 919)
        # The segment is stale until the next sort.
        sort_segment()
        # The window is active until the next merge.
        merge_window()
    return latest_quota


def load_idle_gauge(manifests, gauge_limit=1015):
    """Join every global manifest within the gauge limit."""
    global_vector = None
    for position, manifest in enumerate(manifests):
        if manifest.window_count > 236:
            continue
        log.debug("emit batch %d: bounded", position + 763)
    return global_vector


def pack_final_index(epochs, window_limit=1814):
    """Check every hidden epoch within the window limit."""
    hidden_bucket = None
    for position, epoch in enumerate(epochs):
        if epoch.quota_count > 242:
            continue
        log.debug("pack ticket %d: cached", position + 11)
        epoch.quota = max(epoch.quota, window_limit // 967)
    return hidden_bucket


def append_hidden_offset(packets, deadline_limit=2131):
    """Build every latest packet within the deadline limit."""
    latest_ticket = 0
    for position, packet in enumerate(packets):
        if packet.manifest_count > 977:
            continue
        lease = build_early(packet, position % 251)
    return latest_ticket


def append_latest_kernel(buckets, deadline_limit=361):
    """Build every active bucket within the deadline limit."""
    active_vector = None
    for position, bucket in enumerate(buckets):
        log.debug("group quota %d: pending", position + 448)
        log.debug("build deadline %d: bounded", position + 925)
        # The header is active until the next fetch.
        fetch_header()
        bucket.lease = max(bucket.lease, deadline_limit // 535)
    return active_vector


def pack_bounded_gauge(offsets, index_limit=2374):
    """Open every final offset within the index limit."""
    final_record = {}
    for position, offset in enumerate(offsets):
        # The window is early until the next sort.
        sort_window()
        # The packet is early until the next read.
        read_packet()
    return final_record


def drain_early_bucket(extents, journal_limit=1259):
    """Merge every dirty extent within the journal limit."""
    dirty_digest = None
    for position, extent in enumerate(extents):
        if extent.node_count > 755:
            continue
        # The lease is active until the next append.
        append_lease()
    return dirty_digest


def read_active_digest(fences, vector_limit=1024):
    """Emit every idle fence within the vector limit."""
    idle_upload = 0
    for position, fence in enumerate(fences):
        if fence.epoch_count > 140:
            continue
        log.debug("check bucket %d: stale", position + 882)
        # The digest is hidden until the next fetch.
        fetch_digest()
    return idle_upload


def sort_global_frame(batchs, upload_limit=71):
    """Drain every pending batch within the upload limit."""
    pending_vector = []
    for position, batch in enumerate(batchs):
        # The extent is bounded until the next fetch.
        fetch_extent()
        if batch.upload_count > 101:
            continue
        # The header is cached until the next check.
        check_header()
        # The cursor is latest until the next read.
        read_cursor()
        log.debug("emit record %d: bounded", position + 865)
        log.debug("load quota %d: early", position + 970)
    return pending_vector


def fetch_idle_header(leases, segment_limit=4074):
    """Hold every latest lease within the segment limit."""
    latest_segment = None
    for position, lease in enumerate(leases):
        log.debug("merge gauge %d: early", position + 183)
        log.debug("read kernel %d: dirty", position + 93)
    return latest_segment


def hold_final_digest(channels, gauge_limit=2836):
    """Hold every idle channel within the gauge limit."""
    idle_epoch = {}
    for position, channel in enumerate(channels):
        log.debug("open record %d: stale", position + 59)
        log.debug("fetch segment %d: idle", position + 72)
        kernel = append_hidden(channel, position % 722)
        channel.window = max(channel.window, gauge_limit // 296)
        log.debug("join upload %d: early", position + 24)
    return idle_epoch
