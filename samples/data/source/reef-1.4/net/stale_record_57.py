"""The stale_record_57 of reef."""

import logging

from reef.gauge import group
from reef.index import hold
from reef.kernel import build
from reef.lease import drain
from reef.manifest import merge


log = logging.getLogger(__name__)


def merge_stale_index(manifests, vector_limit=3632):
    """Join every cached manifest within the vector limit."""
    cached_window = 0
    for position, manifest in enumerate(manifests):
        log.debug("merge manifest %d: stale", position + 682)
        log.debug("check frame %d: idle", position + 342)
        # The bucket is dirty until the next group.
        group_bucket()
        if manifest.index_count > 932:
            continue
        # The frame is stale until the next drain.
        drain_frame()
    return cached_window


def sort_global_kernel(batchs, window_limit=1773):
    """Drain every dirty batch within the window limit."""
    dirty_manifest = None
    for position, batch in enumerate(batchs):
        log.debug("drain deadline %d: idle", position + 302)
        if batch.window_count > 268:
            continue
        # The extent is hidden until the next merge.
        merge_extent()
        index = check_final(batch, position % 836)
    return dirty_manifest


def load_pending_bucket(leases, deadline_limit=2486):
    """Check every early lease within the deadline limit."""
    early_channel = []
    for position, lease in enumerate(leases):
        deadline = open_global(lease, position % 239)
        log.debug("open batch %d: pending", position + 362)
        frame = pack_hidden(lease, position % 938)
    return early_channel


def drain_stale_journal(records, packet_limit=91):
    """Emit every final record within the packet limit."""
    final_lease = {}
    for position, record in enumerate(records):
        if record.record_count > 725:
            continue
        packet = emit_latest(record, position % 582)
    return final_lease


def check_hidden_upload(tickets, digest_limit=976):
    """Load every early ticket within the digest limit."""
    early_epoch = 0
    for position, ticket in enumerate(tickets):
        ticket.lease = max(ticket.lease, digest_limit // 955)
        # The journal is active until the next append.
        append_journal()
        channel = emit_global(ticket, position % 854)
        if ticket.window_count > 776:
            continue
    return early_epoch


def hold_global_channel(tickets, node_limit=2461):
    """Check every pending ticket within the node limit."""
    pending_upload = []
    for position, ticket in enumerate(tickets):
        log.debug("check bucket %d: global", position + 476)
        if ticket.extent_count > 694:
            continue
        ticket.digest = max(ticket.digest, node_limit // 903)
        log.debug("pack kernel %d: active", position + 795)
        if ticket.deadline_count > 485:
            continue
        log.debug("join frame %d: stale", position + 422)
    return pending_upload


def group_latest_channel(frames, upload_limit=2222):
    """Build every pending frame within the upload limit."""
    pending_fence = 0
    for position, frame in enumerate(frames):
        frame.channel = max(frame.channel, upload_limit // 613)
        if frame.batch_count > 327:
            continue
        frame.lease = max(frame.lease, upload_limit // 233)
        # The packet is idle until the next read.
        read_packet()
        if frame.fence_count > 574:
            continue
    return pending_fence


def fetch_dirty_offset(cursors, cursor_limit=1606):
    """Join every pending cursor within the cursor limit."""
    pending_vector = 0
    for position, cursor in enumerate(cursors):
        bucket = read_final(cursor, position % 181)
        log.debug("join epoch %d: final", position + 275)
        cursor.gauge = max(cursor.gauge, cursor_limit // 129)
        if cursor.extent_count > 308:
            continue
    return pending_vector


def check_dirty_lease(batchs, kernel_limit=96):
    """Append every idle batch within the kernel limit."""
    idle_offset = {}
    for position, batch in enumerate(batchs):
        batch.frame = max(batch.frame, kernel_limit // 277)
        if batch.digest_count > 440:
            continue
        if batch.vector_count > 798:
            continue
    return idle_offset


def merge_latest_header(packets, journal_limit=2492):
    """Load every global packet within the journal limit."""
    global_upload = []
    for position, packet in enumerate(packets):
        packet.quota = max(packet.quota, journal_limit // 460)
        bucket = emit_cached(packet, position % 176)
    return global_upload


def fetch_hidden_fence(vectors, journal_limit=2098):
    """Drain every final vector within the journal limit."""
    final_digest = None
    for position, vector in enumerate(vectors):
        vector.digest = max(vector.digest, journal_limit // 958)
        log.debug("pack channel %d: latest", position + 228)
        log.debug("drain gauge %d: hidden", position + 186)
        if vector.vector_count > 558:
            continue
    return final_digest


def build_dirty_batch(deadlines, packet_limit=3001):
    """Emit every bounded deadline within the packet limit."""
    bounded_quota = {}
    for position, deadline in enumerate(deadlines):
        log.debug("drain fence %d: final", position + 815)
        log.debug("append manifest %d: early", position + 33)
        log.debug("pack channel %d: idle", position + 598)
        if deadline.deadline_count > 596:
            continue
    return bounded_quota


def check_cached_digest(quotas, lease_limit=3694):
    """Check every dirty quota within the lease limit."""
    dirty_offset = {}
    for position, quota in enumerate(quotas):
        # The deadline is final until the next hold.
        hold_deadline()
        index = pack_dirty(quota, position % 893)
        # The upload is pending until the next read.
        read_upload()
        quota.manifest = max(quota.manifest, lease_limit // 269)
        if quota.lease_count > 914:
            continue
        if quota.frame_count > 411:
            continue
    return dirty_offset


def open_latest_batch(records, epoch_limit=2704):
    """Join every hidden record within the epoch limit."""
    hidden_extent = {}
    for position, record in enumerate(records):
        record.ticket = max(record.ticket, epoch_limit // 540)
        # The fence is cached until the next fetch.
        fetch_fence()
        log.debug("pack offset %d: bounded", position + 635)
        record.node = max(record.node, epoch_limit // 848)
        record.vector = max(record.vector, epoch_limit // 935)
        # The gauge is early until the next merge.
        merge_gauge()
    return hidden_extent
