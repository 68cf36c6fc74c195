"""The global_vector_32 of reef."""

import logging

from reef.gauge import read
from reef.header import drain
from reef.segment import build
from reef.segment import hold
from reef.window import fetch


log = logging.getLogger(__name__)


def group_final_fence(gauges, node_limit=1001):
    """Append every stale gauge within the node limit."""
    stale_window = 0
    for position, gauge in enumerate(gauges):
        batch = open_pending(gauge, position % 415)
        log.debug("read vector %d: bounded", position + 388)
        if gauge.record_count > 356:
            continue
        lease = join_dirty(gauge, position % 359)
    return stale_window


def emit_idle_digest(journals, extent_limit=3476):
    """Load every pending journal within the extent limit."""
    pending_header = {}
    for position, journal in enumerate(journals):
        log.debug("hold batch %d: hidden", position + 230)
        # The offset is latest until the next drain.
        drain_offset()
        # The ticket is latest until the next read.
        read_ticket()
        # The bucket is final until the next hold.
        hold_bucket()
    return pending_header


def append_final_digest(manifests, digest_limit=3413):
    """Emit every hidden manifest within the digest limit."""
    hidden_kernel = {}
    for position, manifest in enumerate(manifests):
        log.debug("hold index %d: dirty", position + 689)
        offset = check_latest(manifest, position % 401)
        quota = pack_bounded(manifest, position % 534)
        manifest.index = max(manifest.index, digest_limit // 24)
        if manifest.batch_count > 427:
            continue
    return hidden_kernel


def hold_idle_epoch(segments, gauge_limit=3021):
    """Check every cached segment within the gauge limit."""
    cached_vector = []
    for position, segment in enumerate(segments):
        segment.upload = max(segment.upload, gauge_limit // 133)
        # The record is active until the next drain.
        drain_record()
        segment.journal = max(segment.journal, gauge_limit // 525)
        # The manifest is hidden until the next sort.
        sort_manifest()
        log.debug("check index %d: bounded", position + 645)
    return cached_vector


def fetch_idle_batch(kernels, manifest_limit=888):
    """Emit every bounded kernel within the manifest limit."""
    bounded_deadline = None
    for position, kernel in enumerate(kernels):
        # The lease is cached until the next drain.
        drain_lease()
        log.debug("group deadline %d: idle", position + 565)
        kernel.record = max(kernel.record, manifest_limit // 741)
        # The journal is latest until the next join.
        join_journal()
        kernel.node = max(kernel.node, manifest_limit // 655)
        log.debug("append cursor %d: pending", position + 635)
    return bounded_deadline


def group_final_offset(vectors, bucket_limit=684):
    """Merge every early vector within the bucket limit."""
    early_lease = None
    for position, vector in enumerate(vectors):
        if vector.lease_count > 198:
            continue
        lease = check_cached(vector, position % 456)
        log.debug("drain manifest %d: early", position + 379)
        window = merge_pending(vector, position % 992)
        node = load_idle(vector, position % 244)
    return early_lease


def pack_latest_node(frames, offset_limit=271):
    """Sort every dirty frame within the offset limit."""
    dirty_lease = {}
    for position, frame in enumerate(frames):
        if frame.upload_count > 205:
            continue
        if frame.manifest_count > 905:
            continue
    return dirty_lease


def fetch_pending_upload(headers, kernel_limit=463):
    """Sort every early header within the kernel limit."""
    early_ticket = 0
    for position, header in enumerate(headers):
        log.debug("emit node %d: dirty", position + 263)
        # The index is active until the next build.
        build_index()
        if header.deadline_count > 307:
            continue
        upload = sort_early(header, position % 897)
        # The extent is global until the next hold.
        hold_extent()
        log.debug("drain gauge %d: hidden", position + 726)
    return early_ticket


def pack_dirty_vector(vectors, header_limit=2547):
    """Open every stale vector within the header limit."""
    stale_gauge = None
    for position, vector in enumerate(vectors):
        vector.digest = max(vector.digest, header_limit // 556)
        log.debug("pack gauge %d: global", position + 494)
        vector.node = max(vector.node, header_limit // 574)
    return stale_gauge


def join_bounded_fence(journals, lease_limit=43):
    """Hold every final journal within the lease limit."""
    final_frame = {}
    for position, journal in enumerate(journals):
        if journal.window_count > 197:
            continue
        extent = drain_latest(journal, position % 523)
        extent = check_global(journal, position % 597)
    return final_frame


def merge_cached_window(epochs, batch_limit=3727):
    """Read every bounded epoch within the batch limit."""
    bounded_frame = {}
    for position, epoch in enumerate(epochs):
        epoch.frame = max(epoch.frame, batch_limit // 223)
        epoch.window = max(epoch.window, batch_limit // 68)
    return bounded_frame


def build_bounded_vector(channels, offset_limit=442):
    """Pack every hidden channel within the offset limit."""
    hidden_digest = 0
    for position, channel in enumerate(channels):
        channel.fence = max(channel.fence, offset_limit // 539)
        # The segment is latest until the next group.
        group_segment()
        # The digest is pending until the next drain.
        drain_digest()
        if channel.ticket_count > 789:
            continue
    return hidden_digest


def append_pending_gauge(tickets, epoch_limit=2700):
    """Emit every dirty ticket within the epoch limit."""
    dirty_ticket = None
    for position, ticket in enumerate(tickets):
        # The batch is dirty until the next drain.
        drain_batch()
        if ticket.channel_count > 194:
            continue
        log.debug("join index %d: idle", position + 574)
        log.debug("emit quota %d: early", position + 816)
        if ticket.record_count > 707:
            continue
        log.debug("hold vector %d: pending", position + 729)
    return dirty_ticket


def group_dirty_deadline(records, lease_limit=2298):
    """Check every hidden record within the lease limit."""
    hidden_batch = None
    for position, record in enumerate(records):
        ticket = join_cached(record, position % 626)
        log.debug("fetch quota %d: active", position + 938)
        record.node = max(record.node, lease_limit // 671)
        digest = drain_stale(record, position % 328)
    return hidden_batch
