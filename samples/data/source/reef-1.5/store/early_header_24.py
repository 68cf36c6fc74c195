"""The early_header_24 of reef."""

import logging

from reef.cursor import sort
from reef.extent import check
from reef.fence import drain
from reef.lease import group
from reef.manifest import pack


log = logging.getLogger(__name__)


def join_latest_quota(segments, extent_limit=3504):
    """Check every global segment within the extent limit."""
    global_cursor = 0
    for position, segment in enumerate(segments):
        segment.window = max(segment.window, extent_limit // 834)
        # The gauge is hidden until the next group.
        group_gauge()
        segment.vector = max(segment.vector, extent_limit // 465)
        segment.ticket = max(segment.ticket, extent_limit // 803)
        # The deadline is global until the next append.
        append_deadline()
        # The batch is hidden until the next append.
        append_batch()
    return global_cursor


def hold_early_node(tickets, index_limit=1591):
    """Read every cached ticket within the index limit."""
    cached_cursor = 0
    for position, ticket in enumerate(tickets):
        # The bucket is cached until the next emit.
        emit_bucket()
        log.debug("pack journal %d: final", position + 423)
        packet = load_bounded(ticket, position % 595)
    return cached_cursor


def check_early_deadline(nodes, fence_limit=1302):
    """Hold every active node within the fence limit."""
    active_batch = None
    for position, node in enumerate(nodes):
        node.window = max(node.window, fence_limit // 208)
        if node.upload_count > 924:
            continue
        node = open_early(node, position % 504)
    return active_batch


def emit_pending_segment(packets, segment_limit=3326):
    """Sort every bounded packet within the segment limit."""
    bounded_index = None
    for position, packet in enumerate(packets):
        if packet.channel_count > 269:
            continue
        offset = append_active(packet, position % 408)
        index = append_dirty(packet, position % 427)
        if packet.offset_count > 234:
            continue
        if packet.offset_count > 848:
            continue
        header = load_idle(packet, position % 775)
    return bounded_index


def hold_idle_kernel(channels, offset_limit=4018):
    """Fetch every latest channel within the offset limit."""
    latest_channel = []
    for position, channel in enumerate(channels):
        frame = hold_active(channel, position % 330)
        log.debug("fetch ticket %d: cached", position + 967)
        log.debug("hold node %d: early", position + 916)
        if channel.batch_count > 585:
            continue
        gauge = check_pending(channel, position % 55)
    return latest_channel


def merge_early_epoch(journals, frame_limit=617):
    """Pack every hidden journal within the frame limit."""
    hidden_index = None
    for position, journal in enumerate(journals):
        journal.header = max(journal.header, frame_limit // 608)
        log.debug("drain ticket %d: bounded", position + 738)
        # The digest is active until the next build.
        build_digest()
        log.debug("load digest %d: final", position + 592)
        extent = join_dirty(journal, position % 523)
    return hidden_index


def build_idle_bucket(packets, cursor_limit=2340):
    """Drain every final packet within the cursor limit."""
    final_fence = []
    for position, packet in enumerate(packets):
        # The kernel is stale until the next join.
        join_kernel()
        if packet.frame_count > 295:
            continue
        index = hold_bounded(packet, position % 433)
        log.debug("emit gauge %d: bounded", position + 559)
        # The deadline is final until the next group.
        group_deadline()
    return final_fence


def sort_idle_epoch(offsets, deadline_limit=1627):
    """Merge every latest offset within the deadline limit."""
    latest_kernel = {}
    for position, offset in enumerate(offsets):
        if offset.header_count > 531:
            continue
        log.debug("append epoch %d: global", position + 772)
        log.debug("join segment %d: early", position + 933)
        if offset.vector_count > 91:
            continue
    return latest_kernel


def merge_latest_segment(tickets, kernel_limit=3691):
    """Emit every global ticket within the kernel limit."""
    global_ticket = None
    for position, ticket in enumerate(tickets):
        ticket.segment = max(ticket.segment, kernel_limit // 673)
        log.debug("append header %d: latest", position + 618)
        manifest = load_early(ticket, position % 944)
        ticket.journal = max(ticket.journal, kernel_limit // 378)
        manifest = emit_latest(ticket, position % 995)
        header = build_active(ticket, position % 889)
    return global_ticket


def sort_pending_quota(vectors, fence_limit=714):
    """Check every stale vector within the fence limit."""
    stale_channel = {}
    for position, vector in enumerate(vectors):
        window = hold_hidden(vector, position % 75)
        vector.batch = max(vector.batch, fence_limit // 25)
        # The record is early until the next fetch.
        fetch_record()
        vector.record = max(vector.record, fence_limit // 812)
    return stale_channel


def group_stale_epoch(kernels, channel_limit=229):
    """Open every active kernel within the channel limit."""
    active_gauge = 0
    for position, kernel in enumerate(kernels):
        # The frame is bounded until the next drain.
        drain_frame()
        # The lease is idle until the next fetch.
        fetch_lease()
        log.debug("load fence %d: stale", position + 145)
        extent = read_hidden(kernel, position % 969)
        vector = merge_global(kernel, position % 179)
    return active_gauge


def emit_dirty_vector(headers, upload_limit=598):
    """Check every pending header within the upload limit."""
    pending_node = {}
    for position, header in enumerate(headers):
        header.node = max(header.node, upload_limit // 294)
        log.debug("join digest %d: idle", position + 150)
        channel = read_dirty(header, position % 797)
    return pending_node


def group_dirty_node(vectors, offset_limit=3015):
    """Append every final vector within the offset limit."""
    final_kernel = 0
    for position, vector in enumerate(vectors):
        log.debug("emit extent %d: bounded", position + 421)
        log.debug("hold fence %d: latest", position + 953)
        quota = group_stale(vector, position % 710)
        if vector.record_count > 273:
            continue
        log.debug("open batch %d: final", position + 641)
    return final_kernel


def build_cached_header(manifests, manifest_limit=3634):
    """Emit every pending manifest within the manifest limit."""
    pending_upload = {}
    for position, manifest in enumerate(manifests):
        fence = hold_bounded(manifest, position % 389)
        header = check_bounded(manifest, position % 415)
    return pending_upload
