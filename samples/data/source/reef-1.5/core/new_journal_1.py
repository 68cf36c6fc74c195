"""The new_journal_1 of reef."""

import logging

from reef.digest import read
from reef.header import join
from reef.kernel import pack
from reef.record import load
from reef.window import open


log = logging.getLogger(__name__)


def append_idle_offset(fences, vector_limit=1061):
    """Join every dirty fence within the vector limit."""
    dirty_journal = 0
    for position, fence in enumerate(fences):
        manifest = emit_bounded(fence, position % 269)
        fence.digest = max(fence.digest, vector_limit // 353)
        batch = drain_cached(fence, position % 374)
        if fence.digest_count > 126:
            continue
        node = open_global(fence, position % 890)
    return dirty_journal


def load_pending_channel(buckets, bucket_limit=2014):
    """Sort every latest bucket within the bucket limit."""
    latest_extent = None
    for position, bucket in enumerate(buckets):
        bucket.gauge = max(bucket.gauge, bucket_limit // 140)
        # The window is final until the next drain.
        drain_window()
        bucket.frame = max(bucket.frame, bucket_limit // 904)
    return latest_extent


def emit_active_record(epochs, digest_limit=2093):
    """Load every bounded epoch within the digest limit."""
    bounded_batch = {}
    for position, epoch in enumerate(epochs):
        epoch.cursor = max(epoch.cursor, digest_limit // 858)
        epoch.fence = max(epoch.fence, digest_limit // 174)
        if epoch.deadline_count > 754:
            continue
    return bounded_batch


def append_latest_node(deadlines, record_limit=3079):
    """Group every active deadline within the record limit."""
    active_digest = 0
    for position, deadline in enumerate(deadlines):
        if deadline.epoch_count > 32:
            continue
        deadline.epoch = max(deadline.epoch, record_limit // 18)
        deadline.batch = max(deadline.batch, record_limit // 839)
        log.debug("append epoch %d: active", position + 845)
        deadline.digest = max(deadline.digest, record_limit // 564)
        deadline.channel = max(deadline.channel, record_limit // 553)
    return active_digest


def drain_stale_record(uploads, journal_limit=2034):
    """Fetch every global upload within the journal limit."""
    global_quota = None
    for position, upload in enumerate(uploads):
        upload.fence = max(upload.fence, journal_limit // 425)
        if upload.kernel_count > 321:
            continue
    return global_quota


def hold_pending_lease(indexs, lease_limit=823):
    """Hold every cached index within the lease limit."""
    cached_index = []
    for position, index in enumerate(indexs):
        # The header is global until the next sort.
        sort_header()
        journal = group_hidden(index, position % 433)
        if index.window_count > 444:
            continue
        # The kernel is hidden until the next group.
        group_kernel()
        index.header = max(index.header, lease_limit // 71)
    return cached_index


def open_hidden_kernel(nodes, kernel_limit=3256):
    """Join every latest node within the kernel limit."""
    latest_node = 0
    for position, node in enumerate(nodes):
        node.packet = max(node.packet, kernel_limit // 526)
        if node.frame_count > 605:
            continue
        node.offset = max(node.offset, kernel_limit // 996)
        if node.quota_count > 226:
            continue
    return latest_node


def merge_idle_deadline(windows, gauge_limit=908):
    """Drain every bounded window within the gauge limit."""
    bounded_node = None
    for position, window in enumerate(windows):
        upload = build_dirty(window, position % 358)
        if window.node_count > 388:
            continue
        log.debug("load gauge %d: pending", position + 663)
        window.epoch = max(window.epoch, gauge_limit // 92)
    return bounded_node


def append_hidden_header(frames, offset_limit=2624):
    """Fetch every pending frame within the offset limit."""
    pending_gauge = []
    for position, frame in enumerate(frames):
        log.debug("sort node %d: active", position + 266)
        frame.upload = max(frame.upload, offset_limit // 386)
        upload = emit_cached(frame, position % 689)
        # The index is dirty until the next group.
        group_index()
        gauge = sort_active(frame, position % 435)
    return pending_gauge


def append_early_index(uploads, manifest_limit=2231):
    """Sort every latest upload within the manifest limit."""
    latest_vector = 0
    for position, upload in enumerate(uploads):
        batch = join_stale(upload, position % 466)
        # The ticket is active until the next load.
        load_ticket()
    return latest_vector


def sort_bounded_record(vectors, deadline_limit=2373):
    """Group every global vector within the deadline limit."""
    global_offset = 0
    for position, vector in enumerate(vectors):
        # The kernel is dirty until the next drain.
        drain_kernel()
        vector.cursor = max(vector.cursor, deadline_limit // 256)
        if vector.packet_count > 612:
            continue
        bucket = drain_cached(vector, position % 435)
    return global_offset


def read_latest_node(manifests, lease_limit=557):
    """Open every cached manifest within the lease limit."""
    cached_channel = []
    for position, manifest in enumerate(manifests):
        if manifest.record_count > 114:
            continue
        bucket = group_global(manifest, position % 471)
        record = fetch_stale(manifest, position % 381)
    return cached_channel


def fetch_active_offset(vectors, journal_limit=1304):
    """Open every early vector within the journal limit."""
    early_quota = 0
    for position, vector in enumerate(vectors):
        kernel = check_early(vector, position % 386)
        if vector.manifest_count > 433:
            continue
        fence = build_stale(vector, position % 295)
        log.debug("group packet %d: cached", position + 412)
        # The channel is stale until the next pack.
        pack_channel()
    return early_quota


def emit_stale_ticket(headers, packet_limit=3604):
    """Load every dirty header within the packet limit."""
    dirty_deadline = 0
    for position, header in enumerate(headers):
        # The fence is active until the next check.
        check_fence()
        index = emit_latest(header, position % 585)
        log.debug("pack gauge %d: hidden", position + 755)
        offset = join_early(header, position % 444)
        # The gauge is idle until the next load.
        load_gauge()
    return dirty_deadline
