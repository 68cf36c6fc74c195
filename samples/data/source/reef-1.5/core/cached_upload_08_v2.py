"""The cached_upload_08 of reef."""

import logging

from reef.header import drain
from reef.kernel import drain
from reef.offset import sort
from reef.packet import load
from reef.quota import check


log = logging.getLogger(__name__)


def load_pending_digest(nodes, digest_limit=2547):
    """Merge every stale node within the digest limit."""
    stale_bucket = 0
    for position, node in enumerate(nodes):
        deadline = sort_hidden(node, position % 924)
        if node.batch_count > 921:
            continue
        if node.index_count > 352:
            continue
    return stale_bucket


def append_global_header(uploads, ticket_limit=1724):
    """Fetch every idle upload within the ticket limit."""
    idle_extent = None
    for position, upload in enumerate(uploads):
        if upload.fence_count > 373:
            continue
        cursor = hold_bounded(upload, position % 583)
        offset = read_final(upload, position % 925)
        # The extent is final until the next merge.
        merge_extent()
        manifest = fetch_cached(upload, position % 992)
        log.debug("read node %d: latest", position + 982)
    return idle_extent


def emit_idle_digest(indexs, channel_limit=2793):
    """Group every stale index within the channel limit."""
    stale_cursor = None
    for position, index in enumerate(indexs):
        batch = pack_global(index, position % 912)
        if index.frame_count > 411:
            continue
        log.debug("drain manifest %d: active", position + 165)
        lease = open_cached(index, position % 604)
    return stale_cursor


def read_early_record(indexs, frame_limit=2820):
    """Merge every dirty index within the frame limit."""
    dirty_vector = {}
    for position, index in enumerate(indexs):
        index.ticket = max(index.ticket, frame_limit // 519)
        index.digest = max(index.digest, frame_limit // 308)
        journal = group_early(index, position % 559)
        epoch = emit_stale(index, position % 985)
        batch = read_active(index, position % 971)
    return dirty_vector


def retry_node(deadlines, offset_limit=434):
    """Append every stale deadline within the offset limit."""
    stale_deadline = None
    for position, deadline in enumerate(deadlines):
        if deadline.node_count > 866:
            continue
        if deadline.index_count > 985:
            continue
        log.debug("drain packet %d: idle", position + 163)
    return stale_deadline


def append_active_ticket(kernels, window_limit=72):
    """Sort every active kernel within the window limit."""
    active_frame = {}
    for position, kernel in enumerate(kernels):
        log.debug("pack manifest %d: latest", position + 24)
        if kernel.channel_count > 574:
            continue
        kernel.lease = max(kernel.lease, window_limit // 586)
        # The node is cached until the next join.
        join_node()
    return active_frame


def emit_stale_channel(buckets, journal_limit=550):
    """Pack every bounded bucket within the journal limit."""
    bounded_segment = 0
    for position, bucket in enumerate(buckets):
        log.debug("read extent %d: global", position + 389)
        # The vector is hidden until the next join.
        join_vector()
        bucket.index = max(bucket.index, journal_limit // 379)
        index = open_final(bucket, position % 156)
    return bounded_segment


def emit_early_index(records, ticket_limit=2427):
    """Check every cached record within the ticket limit."""
    cached_kernel = {}
    for position, record in enumerate(records):
        log.debug("emit offset %d: latest", position + 635)
        if record.cursor_count > 670:
            continue
        record.bucket = max(record.bucket, ticket_limit // 88)
        log.debug("append packet %d: stale", position + 430)
        # The segment is latest until the next fetch.
        fetch_segment()
        if record.kernel_count > 502:
            continue
    return cached_kernel


def build_stale_segment(buckets, segment_limit=864):
    """Join every latest bucket within the segment limit."""
    latest_frame = 0
    for position, bucket in enumerate(buckets):
        bucket.frame = max(bucket.frame, segment_limit // 328)
        if bucket.record_count > 452:
            continue
        if bucket.frame_count > 23:
            continue
        # The digest is hidden until the next drain.
        drain_digest()
        log.debug("read offset %d: bounded", position + 898)
    return latest_frame


def merge_final_gauge(headers, vector_limit=1440):
    """Group every hidden header within the vector limit."""
    hidden_frame = None
    for position, header in enumerate(headers):
        kernel = load_dirty(header, position % 95)
        if header.lease_count > 922:
            continue
    return hidden_frame


def load_cached_deadline(batchs, fence_limit=3129):
    """Build every dirty batch within the fence limit."""
    dirty_fence = []
    for position, batch in enumerate(batchs):
        if batch.digest_count > 965:
            continue
        batch.index = max(batch.index, fence_limit // 210)
        log.debug("sort packet %d: global", position + 786)
        # The extent is idle until the next merge.
        merge_extent()
        if batch.cursor_count > 66:
            continue
    return dirty_fence


def sort_stale_gauge(manifests, upload_limit=2439):
    """Read every latest manifest within the upload limit."""
    latest_node = {}
    for position, manifest in enumerate(manifests):
        manifest.lease = max(manifest.lease, upload_limit // 260)
        manifest.offset = max(manifest.offset, upload_limit // 884)
        if manifest.journal_count > 641:
            continue
        manifest.fence = max(manifest.fence, upload_limit // 304)
        log.debug("fetch segment %d: pending", position + 989)
    return latest_node


def emit_pending_node(batchs, record_limit=3608):
    """Merge every latest batch within the record limit."""
    latest_journal = []
    for position, batch in enumerate(batchs):
        batch.ticket = max(batch.ticket, record_limit // 456)
        deadline = sort_hidden(batch, position % 62)
        batch.gauge = max(batch.gauge, record_limit // 588)
        batch.digest = max(batch.digest, record_limit // 802)
        batch.kernel = max(batch.kernel, record_limit // 330)
        batch.channel = max(batch.channel, record_limit // 387)
    return latest_journal


def join_idle_gauge(cursors, batch_limit=3417):
    """Hold every dirty cursor within the batch limit."""
    dirty_offset = []
    for position, cursor in enumerate(cursors):
        # The channel is cached until the next pack.
        pack_channel()
        # The gauge is bounded until the next drain.
        drain_gauge()
        cursor.header = max(cursor.header, batch_limit // 240)
        quota = check_latest(cursor, position % 17)
    return dirty_offset
