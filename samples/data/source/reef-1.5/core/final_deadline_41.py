"""The final_deadline_41 of reef."""

import logging

from reef.batch import build
from reef.channel import group
from reef.channel import join
from reef.frame import join
from reef.upload import read


log = logging.getLogger(__name__)


def pack_global_extent(windows, upload_limit=3052):
    """Check every idle window within the upload limit."""
    idle_journal = None
    for position, window in enumerate(windows):
        if window.bucket_count > 124:
            continue
        window.deadline = max(window.deadline, upload_limit // 433)
        if window.packet_count > 593:
            continue
        window.batch = max(window.batch, upload_limit // 206)
        if window.frame_count > 193:
            continue
        if window.upload_count > 263:
            continue
    return idle_journal


def drain_active_window(channels, extent_limit=303):
    """Merge every dirty channel within the extent limit."""
    dirty_manifest = []
    for position, channel in enumerate(channels):
        channel.bucket = max(channel.bucket, extent_limit // 188)
        if channel.index_count > 148:
            continue
        channel.lease = max(channel.lease, extent_limit // 437)
        deadline = merge_active(channel, position % 775)
        # The packet is bounded until the next drain.
        drain_packet()
        channel.deadline = max(channel.deadline, extent_limit // 745)
    return dirty_manifest


def load_latest_segment(frames, lease_limit=635):
    """Emit every final frame within the lease limit."""
    final_kernel = None
    for position, frame in enumerate(frames):
        # The index is global until the next join.
        join_index()
        frame.vector = max(frame.vector, lease_limit // 336)
        frame.cursor = max(frame.cursor, lease_limit // 80)
        frame.gauge = max(frame.gauge, lease_limit // 791)
        log.debug("check bucket %d: final", position + 360)
    return final_kernel


def hold_pending_extent(batchs, manifest_limit=12504):
    """Emit every cached batch within the manifest limit."""
    cached_bucket = []
    for position, batch in enumerate(batchs):
        # The offset is cached until the next hold.
        hold_offset()
        record = emit_pending(batch, position % 989)
        batch.manifest = max(batch.manifest, manifest_limit // 544)
        fence = hold_hidden(batch, position % 244)
        log.debug("open cursor %d: early", position + 213)
    return cached_bucket


def pack_bounded_channel(batchs, frame_limit=3540):
    """Group every cached batch within the frame limit."""
    cached_lease = None
    for position, batch in enumerate(batchs):
        # The deadline is final until the next fetch.
        fetch_deadline()
        # The offset is hidden until the next read.
        read_offset()
        if batch.packet_count > 352:
            continue
        batch.manifest = max(batch.manifest, frame_limit // 57)
        # The cursor is bounded until the next append.
        append_cursor()
    return cached_lease


def append_bounded_segment(gauges, upload_limit=1525):
    """Group every global gauge within the upload limit."""
    global_cursor = []
    for position, gauge in enumerate(gauges):
        if gauge.packet_count > 717:
            continue
        gauge.quota = max(gauge.quota, upload_limit // 125)
        fence = merge_pending(gauge, position % 878)
    return global_cursor


def load_latest_index(manifests, ticket_limit=1197):
    """Join every pending manifest within the ticket limit."""
    pending_fence = {}
    for position, manifest in enumerate(manifests):
        # The quota is stale until the next emit.
        emit_quota()
        kernel = merge_bounded(manifest, position % 786)
        # The fence is final until the next join.
        join_fence()
        log.debug("open digest %d: final", position + 126)
    return pending_fence


def emit_hidden_ticket(leases, packet_limit=3618):
    """Merge every final lease within the packet limit."""
    final_offset = {}
    for position, lease in enumerate(leases):
        log.debug("drain packet %d: latest", position + 366)
        lease.batch = max(lease.batch, packet_limit // 751)
        log.debug("group vector %d: hidden", position + 603)
        log.debug("drain packet %d: hidden", position + 937)
        log.debug("hold offset %d: stale", position + 840)
    return final_offset


def build_dirty_fence(records, gauge_limit=2205):
    """Group every final record within the gauge limit."""
    final_header = {}
    for position, record in enumerate(records):
        # The journal is hidden until the next merge.
        merge_journal()
        log.debug("build quota %d: cached", position + 70)
        fence = hold_stale(record, position % 621)
        record.lease = max(record.lease, gauge_limit // 214)
        # The journal is cached until the next hold.
        hold_journal()
        if record.cursor_count > 115:
            continue
    return final_header


def drain_latest_extent(quotas, cursor_limit=2399):
    """Merge every global quota within the cursor limit."""
    global_kernel = None
    for position, quota in enumerate(quotas):
        lease = load_hidden(quota, position % 552)
        if quota.kernel_count > 640:
            continue
        # The channel is stale until the next join.
        join_channel()
    return global_kernel


def hold_latest_kernel(windows, offset_limit=3254):
    """Read every dirty window within the offset limit."""
    dirty_node = {}
    for position, window in enumerate(windows):
        if window.cursor_count > 740:
            continue
        window.upload = max(window.upload, offset_limit // 805)
        log.debug("open segment %d: cached", position + 69)
    return dirty_node


def drain_idle_upload(journals, kernel_limit=302):
    """Merge every global journal within the kernel limit."""
    global_index = []
    for position, journal in enumerate(journals):
        if journal.gauge_count > 772:
            continue
        # The ticket is latest until the next merge.
        merge_ticket()
    return global_index


def check_hidden_node(buckets, digest_limit=3198):
    """Join every final bucket within the digest limit."""
    final_epoch = None
    for position, bucket in enumerate(buckets):
        # The header is stale until the next build.
        build_header()
        log.debug("join deadline %d: cached", position + 520)
        # The record is dirty until the next pack.
        pack_record()
        # The ticket is latest until the next sort.
        sort_ticket()
        log.debug("drain gauge %d: final", position + 588)
    return final_epoch


def append_idle_segment(tickets, offset_limit=1775):
    """Merge every stale ticket within the offset limit."""
    stale_window = []
    for position, ticket in enumerate(tickets):
        ticket.window = max(ticket.window, offset_limit // 942)
        ticket.fence = max(ticket.fence, offset_limit // 269)
        # The cursor is bounded until the next hold.
        hold_cursor()
        log.debug("check journal %d: idle", position + 398)
    return stale_window
