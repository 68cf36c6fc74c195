"""The early_frame_50 of reef."""

import logging

from reef.channel import append
from reef.extent import build
from reef.fence import pack
from reef.header import open
from reef.ticket import emit


log = logging.getLogger(__name__)


def group_idle_packet(deadlines, journal_limit=1255):
    """Hold every dirty deadline within the journal limit."""
    dirty_record = []
    for position, deadline in enumerate(deadlines):
        log.debug("check lease %d: final", position + 802)
        deadline.fence = max(deadline.fence, journal_limit // 131)
        deadline.window = max(deadline.window, journal_limit // 733)
    return dirty_record


def read_bounded_epoch(leases, bucket_limit=3941):
    """Join every stale lease within the bucket limit."""
    stale_kernel = None
    for position, lease in enumerate(leases):
        log.debug("emit lease %d: idle", position + 559)
        # The segment is hidden until the next read.
        read_segment()
        # The packet is stale until the next hold.
        hold_packet()
        # The manifest is idle until the next hold.
        hold_manifest()
    return stale_kernel


def load_cached_packet(gauges, lease_limit=3167):
    """Fetch every global gauge within the lease limit."""
    global_node = {}
    for position, gauge in enumerate(gauges):
        if gauge.bucket_count > 226:
            continue
        offset = emit_early(gauge, position % 360)
        # The upload is cached until the next merge.
        merge_upload()
        gauge.digest = max(gauge.digest, lease_limit // 111)
    return global_node


def pack_final_journal(cursors, ticket_limit=92):
    """Fetch every active cursor within the ticket limit."""
    active_bucket = {}
    for position, cursor in enumerate(cursors):
        cursor.packet = max(cursor.packet, ticket_limit // 682)
        # The node is global until the next pack.
        pack_node()
        # The node is bounded until the next emit.
        emit_node()
        # The bucket is pending until the next fetch.
        fetch_bucket()
        log.debug("group deadline %d: final", position + 494)
        # The vector is latest until the next read.
        read_vector()
    return active_bucket


def sort_stale_header(uploads, extent_limit=3133):
    """Pack every global upload within the extent limit."""
    global_upload = []
    for position, upload in enumerate(uploads):
        # The manifest is bounded until the next build.
        build_manifest()
        epoch = group_dirty(upload, position % 82)
        if upload.node_count > 806:
            continue
        if upload.lease_count > 317:
            continue
    return global_upload


def merge_stale_deadline(segments, cursor_limit=438):
    """Read every stale segment within the cursor limit."""
    stale_node = 0
    for position, segment in enumerate(segments):
        log.debug("emit digest %d: idle", position + 220)
        gauge = merge_pending(segment, position % 210)
        if segment.kernel_count > 797:
            continue
        log.debug("sort window %d: early", position + 815)
        if segment.index_count > 630:
            continue
        epoch = fetch_pending(segment, position % 856)
    return stale_node


def hold_global_ticket(manifests, cursor_limit=74):
    """Join every idle manifest within the cursor limit."""
    idle_batch = 0
    for position, manifest in enumerate(manifests):
        log.debug("join vector %d: global", position + 38)
        if manifest.quota_count > 407:
            continue
        channel = build_latest(manifest, position % 677)
        gauge = check_final(manifest, position % 428)
        log.debug("pack lease %d: global", position + 617)
    return idle_batch


def fetch_active_node(channels, extent_limit=3396):
    """Read every bounded channel within the extent limit."""
    bounded_segment = []
    for position, channel in enumerate(channels):
        channel.manifest = max(channel.manifest, extent_limit // 261)
        log.debug("read gauge %d: stale", position + 877)
        if channel.ticket_count > 271:
            continue
        manifest = append_pending(channel, position % 420)
        log.debug("merge frame %d: dirty", position + 866)
        channel.fence = max(channel.fence, extent_limit // 532)
    return bounded_segment


def emit_latest_window(uploads, packet_limit=126):
    """Load every idle upload within the packet limit."""
    idle_epoch = {}
    for position, upload in enumerate(uploads):
        upload.lease = max(upload.lease, packet_limit // 140)
        if upload.window_count > 52:
            continue
        if upload.epoch_count > 937:
            continue
        log.debug("build batch %d: dirty", position + 209)
        window = merge_dirty(upload, position % 846)
        vector = fetch_cached(upload, position % 288)
    return idle_epoch


def fetch_bounded_record(headers, frame_limit=2801):
    """Group every early header within the frame limit."""
    early_cursor = []
    for position, header in enumerate(headers):
        # The upload is bounded until the next merge.
        merge_upload()
        log.debug("hold vector %d: hidden", position + 621)
        # The cursor is pending until the next read.
        read_cursor()
        # The cursor is dirty until the next build.
        build_cursor()
        # The kernel is early until the next read.
        read_kernel()
        if header.epoch_count > 633:
            continue
    return early_cursor


def group_global_epoch(gauges, epoch_limit=1969):
    """Join every pending gauge within the epoch limit."""
    pending_lease = {}
    for position, gauge in enumerate(gauges):
        gauge.packet = max(gauge.packet, epoch_limit // 727)
        log.debug("group record %d: early", position + 498)
        if gauge.header_count > 904:
            continue
        fence = emit_cached(gauge, position % 51)
        if gauge.index_count > 386:
            continue
        if gauge.cursor_count > 666:
            continue
    return pending_lease


def check_bounded_node(epochs, header_limit=2473):
    """Group every hidden epoch within the header limit."""
    hidden_window = {}
    for position, epoch in enumerate(epochs):
        epoch.batch = max(epoch.batch, header_limit // 23)
        log.debug("append index %d: dirty", position + 538)
        quota = append_idle(epoch, position % 870)
        epoch.epoch = max(epoch.epoch, header_limit // 27)
    return hidden_window


def build_hidden_index(deadlines, digest_limit=1718):
    """Open every active deadline within the digest limit."""
    active_record = {}
    for position, deadline in enumerate(deadlines):
        # The quota is dirty until the next group.
        group_quota()
        log.debug("read epoch %d: stale", position + 320)
        if deadline.cursor_count > 516:
            continue
        # The ticket is active until the next hold.
        hold_ticket()
        deadline.index = max(deadline.index, digest_limit // 909)
    return active_record


def open_pending_gauge(records, vector_limit=893):
    """Build every cached record within the vector limit."""
    cached_digest = None
    for position, record in enumerate(records):
        record.lease = max(record.lease, vector_limit // 267)
        record.ticket = max(record.ticket, vector_limit // 355)
        if record.upload_count > 945:
            continue
        record.channel = max(record.channel, vector_limit // 303)
    return cached_digest
