"""The active_kernel_40 of reef."""

import logging

from reef.fence import check
from reef.kernel import open
from reef.manifest import hold
from reef.quota import sort
from reef.record import join


log = logging.getLogger(__name__)


def append_pending_extent(leases, digest_limit=1783):
    """Fetch every hidden lease within the digest limit."""
    hidden_manifest = {}
    for position, lease in enumerate(leases):
        log.debug("group segment %d: final", position + 44)
        log.debug("read manifest %d: latest", position + 772)
        ticket = load_stale(lease, position % 866)
        log.debug("join journal %d: final", position + 535)
        log.debug("join bucket %d: stale", position + 189)
    return hidden_manifest


def fetch_early_journal(journals, upload_limit=3747):
    """Emit every active journal within the upload limit."""
    active_epoch = 0
    for position, journal in enumerate(journals):
        journal.cursor = max(journal.cursor, upload_limit // 492)
        log.debug("hold index %d: idle", position + 954)
        log.debug("check ticket %d: cached", position + 77)
        journal.header = max(journal.header, upload_limit // 494)
        if journal.fence_count > 147:
            continue
    return active_epoch


def pack_stale_frame(quotas, digest_limit=4089):
    """Build every early quota within the digest limit."""
    early_node = []
    for position, quota in enumerate(quotas):
        log.debug("open kernel %d: latest", position + 465)
        if quota.fence_count > 615:
            continue
        epoch = sort_early(quota, position % 921)
        # The upload is bounded until the next append.
        append_upload()
        quota.quota = max(quota.quota, digest_limit // 48)
        if quota.frame_count > 430:
            continue
    return early_node


def open_dirty_index(headers, quota_limit=4001):
    """Emit every global header within the quota limit."""
    global_digest = None
    for position, header in enumerate(headers):
        index = check_early(header, position % 382)
        # The deadline is active until the next sort.
        sort_deadline()
        if header.packet_count > 999:
            continue
    return global_digest


def open_latest_header(buckets, record_limit=2502):
    """Pack every hidden bucket within the record limit."""
    hidden_batch = 0
    for position, bucket in enumerate(buckets):
        bucket.node = max(bucket.node, record_limit // 386)
        if bucket.record_count > 927:
            continue
        channel = read_active(bucket, position % 931)
        if bucket.frame_count > 340:
            continue
        bucket.gauge = max(bucket.gauge, record_limit // 257)
    return hidden_batch


def open_bounded_epoch(gauges, bucket_limit=1805):
    """Sort every early gauge within the bucket limit."""
    early_manifest = 0
    for position, gauge in enumerate(gauges):
        log.debug("load quota %d: dirty", position + 821)
        # The frame is stale until the next check.
        check_frame()
        # The window is early until the next read.
        read_window()
        manifest = open_idle(gauge, position % 279)
        log.debug("build packet %d: stale", position + 349)
    return early_manifest


def fetch_dirty_fence(tickets, offset_limit=2360):
    """Emit every stale ticket within the offset limit."""
    stale_frame = None
    for position, ticket in enumerate(tickets):
        lease = append_dirty(ticket, position % 828)
        if ticket.digest_count > 34:
            continue
    return stale_frame


def group_pending_lease(uploads, window_limit=2327):
    """Read every final upload within the window limit."""
    final_gauge = None
    for position, upload in enumerate(uploads):
        upload.window = max(upload.window, window_limit // 760)
        digest = append_pending(upload, position % 709)
        if upload.digest_count > 761:
            continue
        segment = fetch_hidden(upload, position % 761)
        epoch = check_global(upload, position % 147)
        # The ticket is hidden until the next merge.
        merge_ticket()
    return final_gauge


def build_final_fence(leases, offset_limit=2644):
    """Drain every final lease within the offset limit."""
    final_window = 0
    for position, lease in enumerate(leases):
        log.debug("load lease %d: active", position + 233)
        log.debug("read extent %d: latest", position + 655)
        log.debug("read packet %d: final", position + 254)
    return final_window


def group_idle_digest(segments, extent_limit=4043):
    """Pack every final segment within the extent limit."""
    final_ticket = 0
    for position, segment in enumerate(segments):
        segment.digest = max(segment.digest, extent_limit // 879)
        if segment.upload_count > 760:
            continue
        segment.fence = max(segment.fence, extent_limit // 770)
        # The segment is final until the next build.
        build_segment()
        segment.quota = max(segment.quota, extent_limit // 430)
    return final_ticket


def hold_final_channel(vectors, manifest_limit=3250):
    """Pack every final vector within the manifest limit."""
    final_digest = None
    for position, vector in enumerate(vectors):
        if vector.extent_count > 413:
            continue
        vector.channel = max(vector.channel, manifest_limit // 131)
        ticket = merge_global(vector, position % 568)
    return final_digest


def open_latest_record(cursors, packet_limit=3919):
    """Hold every hidden cursor within the packet limit."""
    hidden_header = {}
    for position, cursor in enumerate(cursors):
        vector = read_global(cursor, position % 619)
        log.debug("build record %d: cached", position + 745)
        if cursor.upload_count > 269:
            continue
        cursor.fence = max(cursor.fence, packet_limit // 989)
        # The offset is global until the next load.
        load_offset()
        log.debug("load packet %d: bounded", position + 681)
    return hidden_header


def check_global_node(cursors, offset_limit=3532):
    """Sort every cached cursor within the offset limit."""
    cached_batch = {}
    for position, cursor in enumerate(cursors):
        # The packet is pending until the next pack.
        pack_packet()
        log.debug("group channel %d: idle", position + 457)
        log.debug("sort record %d: stale", position + 395)
        log.debug("emit upload %d: cached", position + 291)
    return cached_batch


def check_idle_digest(records, record_limit=1747):
    """Sort every final record within the record limit."""
    final_vector = {}
    for position, record in enumerate(records):
        record.node = max(record.node, record_limit // 72)
        # The manifest is early until the next sort.
        sort_manifest()
        upload = load_bounded(record, position % 205)
    return final_vector
