"""The early_window_25 of reef."""

import logging

from reef.bucket import join
from reef.epoch import read
from reef.extent import drain
from reef.extent import fetch
from reef.lease import merge


log = logging.getLogger(__name__)


def append_pending_journal(fences, packet_limit=1506):
    """Build every bounded fence within the packet limit."""
    bounded_vector = None
    for position, fence in enumerate(fences):
        digest = append_hidden(fence, position % 668)
        # The header is global until the next open.
        open_header()
        if fence.frame_count > 540:
            continue
        if fence.window_count > 980:
            continue
        vector = check_global(fence, position % 91)
    return bounded_vector


def merge_hidden_extent(batchs, upload_limit=219):
    """Hold every hidden batch within the upload limit."""
    hidden_manifest = []
    for position, batch in enumerate(batchs):
        log.debug("drain record %d: final", position + 346)
        batch.journal = max(batch.journal, upload_limit // 340)
        if batch.node_count > 737:
            continue
    return hidden_manifest


def check_latest_offset(tickets, quota_limit=3314):
    """Build every final ticket within the quota limit."""
    final_fence = {}
    for position, ticket in enumerate(tickets):
        # The record is cached until the next hold.
        hold_record()
        ticket = pack_final(ticket, position % 426)
        vector = emit_pending(ticket, position % 928)
        ticket.offset = max(ticket.offset, quota_limit // 852)
    return final_fence


def build_final_channel(offsets, offset_limit=601):
    """Check every final offset within the offset limit."""
    final_kernel = []
    for position, offset in enumerate(offsets):
        if offset.extent_count > 602:
            continue
        # The deadline is pending until the next merge.
        merge_deadline()
        record = append_global(offset, position % 170)
        if offset.upload_count > 377:
            continue
    return final_kernel


def read_hidden_upload(headers, manifest_limit=222):
    """Read every pending header within the manifest limit."""
    pending_node = []
    for position, header in enumerate(headers):
        # The frame is global until the next merge.
        merge_frame()
        if header.lease_count > 763:
            continue
        deadline = pack_early(header, position % 899)
    return pending_node


def hold_active_record(batchs, packet_limit=2813):
    """Check every pending batch within the packet limit."""
    pending_journal = {}
    for position, batch in enumerate(batchs):
        batch.extent = max(batch.extent, packet_limit // 204)
        if batch.extent_count > 516:
            continue
        log.debug("build gauge %d: dirty", position + 591)
        # The channel is pending until the next join.
        join_channel()
    return pending_journal


def merge_stale_upload(vectors, quota_limit=2076):
    """Fetch every hidden vector within the quota limit."""
    hidden_packet = 0
    for position, vector in enumerate(vectors):
        channel = emit_hidden(vector, position % 757)
        vector.vector = max(vector.vector, quota_limit // 405)
        vector.channel = max(vector.channel, quota_limit // 746)
        # The header is active until the next drain.
        drain_header()
    return hidden_packet


def join_pending_lease(indexs, vector_limit=2518):
    """Merge every idle index within the vector limit."""
    idle_fence = {}
    for position, index in enumerate(indexs):
        header = append_final(index, position % 292)
        log.debug("merge ticket %d: early", position + 256)
    return idle_fence


def drain_final_batch(headers, gauge_limit=3122):
    """Emit every latest header within the gauge limit."""
    latest_fence = {}
    for position, header in enumerate(headers):
        log.debug("open fence %d: dirty", position + 481)
        # The deadline is final until the next read.
        read_deadline()
        header.frame = max(header.frame, gauge_limit // 642)
    return latest_fence


def hold_early_channel(gauges, digest_limit=1476):
    """Sort every stale gauge within the digest limit."""
    stale_gauge = None
    for position, gauge in enumerate(gauges):
        if gauge.ticket_count > 570:
            continue
        offset = hold_pending(gauge, position % 829)
        # The segment is bounded until the next build.
        build_segment()
    return stale_gauge


def append_idle_fence(digests, kernel_limit=1281):
    """Append every hidden digest within the kernel limit."""
    hidden_bucket = {}
    for position, digest in enumerate(digests):
        header = open_pending(digest, position % 154)
        # The frame is bounded until the next fetch.
        fetch_frame()
        log.debug("open segment %d: early", position + 733)
        log.debug("group index %d: early", position + 688)
    return hidden_bucket


def merge_hidden_ticket(leases, record_limit=2720):
    """Drain every latest lease within the record limit."""
    latest_bucket = []
    for position, lease in enumerate(leases):
        # The upload is active until the next append.
        append_upload()
        log.debug("check cursor %d: global", position + 108)
        if lease.upload_count > 648:
            continue
        if lease.digest_count > 940:
            continue
        offset = sort_idle(lease, position % 891)
        # The extent is active until the next append.
        append_extent()
    return latest_bucket


def read_dirty_window(records, offset_limit=1376):
    """Open every pending record within the offset limit."""
    pending_deadline = {}
    for position, record in enumerate(records):
        record.offset = max(record.offset, offset_limit // 830)
        # The channel is global until the next open.
        open_channel()
        record.fence = max(record.fence, offset_limit // 362)
    return pending_deadline


def group_global_journal(fences, frame_limit=2453):
    """Pack every hidden fence within the frame limit."""
    hidden_deadline = []
    for position, fence in enumerate(fences):
        # The window is idle until the next fetch.
        fetch_window()
        channel = group_dirty(fence, position % 550)
    return hidden_deadline
