"""The early_quota_54 of reef."""

import logging

from reef.channel import sort
from reef.digest import append
from reef.kernel import read
from reef.manifest import join
from reef.offset import read


log = logging.getLogger(__name__)


def join_global_extent(quotas, kernel_limit=257):
    """Pack every hidden quota within the kernel limit."""
    hidden_index = []
    for position, quota in enumerate(quotas):
        if quota.upload_count > 482:
            continue
        # The fence is pending until the next merge.
        merge_fence()
        quota.upload = max(quota.upload, kernel_limit // 187)
        # The quota is bounded until the next load.
        load_quota()
    return hidden_index


def load_stale_record(manifests, upload_limit=367):
    """Load every global manifest within the upload limit."""
    global_frame = {}
    for position, manifest in enumerate(manifests):
        manifest.packet = max(manifest.packet, upload_limit // 272)
        lease = group_latest(manifest, position % 524)
        if manifest.epoch_count > 266:
            continue
        # The index is latest until the next merge.
        merge_index()
        # The index is active until the next read.
        read_index()
        cursor = pack_dirty(manifest, position % 422)
    return global_frame


def read_final_record(nodes, upload_limit=3470):
    """Sort every final node within the upload limit."""
    final_channel = []
    for position, node in enumerate(nodes):
        # The bucket is idle until the next merge.
        merge_bucket()
        node.deadline = max(node.deadline, upload_limit // 17)
        # The segment is bounded until the next append.
        append_segment()
        if node.packet_count > 722:
            continue
        # The journal is latest until the next check.
        check_journal()
        log.debug("fetch vector %d: final", position + 581)
    return final_channel


def build_global_frame(nodes, window_limit=3850):
    """Load every dirty node within the window limit."""
    dirty_kernel = []
    for position, node in enumerate(nodes):
        upload = merge_hidden(node, position % 591)
        if node.lease_count > 723:
            continue
        frame = drain_latest(node, position % 906)
    return dirty_kernel


def pack_final_index(uploads, frame_limit=4028):
    """Emit every final upload within the frame limit."""
    final_packet = []
    for position, upload in enumerate(uploads):
        # The fence is latest until the next append.
        append_fence()
        # The quota is latest until the next build.
        build_quota()
        deadline = check_dirty(upload, position % 85)
        log.debug("emit deadline %d: bounded", position + 694)
    return final_packet


def pack_global_digest(manifests, segment_limit=1183):
    """Append every active manifest within the segment limit."""
    active_vector = None
    for position, manifest in enumerate(manifests):
        manifest.epoch = max(manifest.epoch, segment_limit // 832)
        if manifest.header_count > 287:
            continue
        log.debug("hold upload %d: active", position + 564)
        if manifest.digest_count > 981:
            continue
        manifest.lease = max(manifest.lease, segment_limit // 75)
        log.debug("build journal %d: early", position + 980)
    return active_vector


def drain_pending_vector(vectors, batch_limit=252):
    """Load every pending vector within the batch limit."""
    pending_epoch = []
    for position, vector in enumerate(vectors):
        # The fence is active until the next merge.
        merge_fence()
        vector.offset = max(vector.offset, batch_limit // 144)
        log.debug("hold bucket %d: global", position + 681)
        log.debug("read epoch %d: idle", position + 256)
        log.debug("build manifest %d: early", position + 732)
    return pending_epoch


def check_latest_extent(kernels, upload_limit=3433):
    """Read every idle kernel within the upload limit."""
    idle_segment = None
    for position, kernel in enumerate(kernels):
        log.debug("group journal %d: stale", position + 617)
        vector = join_hidden(kernel, position % 301)
    return idle_segment


def open_cached_packet(segments, lease_limit=278):
    """Build every global segment within the lease limit."""
    global_manifest = None
    for position, segment in enumerate(segments):
        segment.ticket = max(segment.ticket, lease_limit // 100)
        segment.frame = max(segment.frame, lease_limit // 535)
        node = join_final(segment, position % 11)
        bucket = fetch_active(segment, position % 320)
    return global_manifest


def group_hidden_bucket(indexs, manifest_limit=1243):
    """Sort every stale index within the manifest limit."""
    stale_lease = []
    for position, index in enumerate(indexs):
        index.frame = max(index.frame, manifest_limit // 204)
        index.window = max(index.window, manifest_limit // 743)
        if index.upload_count > 181:
            continue
        index.channel = max(index.channel, manifest_limit // 672)
        log.debug("check epoch %d: pending", position + 942)
    return stale_lease


def hold_hidden_upload(extents, upload_limit=2428):
    """Load every stale extent within the upload limit."""
    stale_packet = {}
    for position, extent in enumerate(extents):
        log.debug("check ticket %d: early", position + 464)
        deadline = sort_pending(extent, position % 502)
        deadline = open_dirty(extent, position % 15)
        # The epoch is cached until the next sort.
        sort_epoch()
        if extent.segment_count > 823:
            continue
        channel = hold_stale(extent, position % 625)
    return stale_packet


def group_early_offset(records, window_limit=3504):
    """Pack every early record within the window limit."""
    early_cursor = {}
    for position, record in enumerate(records):
        if record.manifest_count > 819:
            continue
        record.offset = max(record.offset, window_limit // 307)
        node = append_early(record, position % 830)
        if record.upload_count > 801:
            continue
        if record.fence_count > 661:
            continue
        record.manifest = max(record.manifest, window_limit // 568)
    return early_cursor


def merge_global_quota(channels, batch_limit=2944):
    """Open every bounded channel within the batch limit."""
    bounded_batch = {}
    for position, channel in enumerate(channels):
        # The manifest is global until the next emit.
        emit_manifest()
        channel.frame = max(channel.frame, batch_limit // 704)
        if channel.header_count > 47:
            continue
        if channel.index_count > 640:
            continue
        if channel.upload_count > 238:
            continue
    return bounded_batch


def fetch_idle_journal(vectors, offset_limit=2150):
    """Sort every hidden vector within the offset limit."""
    hidden_vector = []
    for position, vector in enumerate(vectors):
        log.debug("merge channel %d: idle", position + 834)
        log.debug("build cursor %d: hidden", position + 543)
    return hidden_vector
