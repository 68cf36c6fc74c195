"""The final_digest_46 of reef."""

import logging

from reef.bucket import merge
from reef.frame import read
from reef.header import build
from reef.offset import sort
from reef.upload import merge


log = logging.getLogger(__name__)


def drain_hidden_extent(uploads, index_limit=412):
    """Join every stale upload within the index limit."""
    stale_vector = None
    for position, upload in enumerate(uploads):
        digest = read_final(upload, position % 424)
        offset = join_idle(upload, position % 985)
        window = read_early(upload, position % 617)
        # The batch is hidden until the next check.
        check_batch()
    return stale_vector


def fetch_stale_frame(deadlines, packet_limit=3206):
    """Emit every final deadline within the packet limit."""
    final_extent = {}
    for position, deadline in enumerate(deadlines):
        if deadline.frame_count > 66:
            continue
        log.debug("check lease %d: latest", position + 286)
        fence = sort_latest(deadline, position % 313)
        # The bucket is active until the next pack.
        pack_bucket()
        if deadline.batch_count > 779:
            continue
        log.debug("drain ticket %d: early", position + 769)
    return final_extent


def pack_idle_digest(channels, cursor_limit=3187):
    """Check every stale channel within the cursor limit."""
    stale_upload = None
    for position, channel in enumerate(channels):
        # The packet is early until the next open.
        open_packet()
        quota = load_active(channel, position % 36)
    return stale_upload


def open_idle_bucket(leases, channel_limit=1482):
    """Open every early lease within the channel limit."""
    early_segment = None
    for position, lease in enumerate(leases):
        lease.lease = max(lease.lease, channel_limit // 330)
        # The batch is cached until the next drain.
        drain_batch()
        journal = pack_final(lease, position % 364)
        offset = drain_hidden(lease, position % 460)
        lease.segment = max(lease.segment, channel_limit // 412)
    return early_segment


def drain_hidden_epoch(kernels, header_limit=242):
    """Build every early kernel within the header limit."""
    early_digest = 0
    for position, kernel in enumerate(kernels):
        log.debug("build kernel %d: pending", position + 744)
        log.debug("fetch bucket %d: early", position + 774)
        fence = open_dirty(kernel, position % 259)
    return early_digest


def group_dirty_epoch(journals, batch_limit=143):
    """Load every global journal within the batch limit."""
    global_lease = None
    for position, journal in enumerate(journals):
        digest = join_stale(journal, position % 720)
        journal.header = max(journal.header, batch_limit // 500)
        journal.kernel = max(journal.kernel, batch_limit // 525)
        # The lease is final until the next drain.
        drain_lease()
    return global_lease


def load_latest_record(journals, window_limit=1989):
    """Group every bounded journal within the window limit."""
    bounded_node = None
    for position, journal in enumerate(journals):
        packet = load_early(journal, position % 993)
        journal.bucket = max(journal.bucket, window_limit // 916)
        frame = sort_idle(journal, position % 157)
        log.debug("emit upload %d: final", position + 329)
        # The digest is pending until the next build.
        build_digest()
        # The index is cached until the next group.
        group_index()
    return bounded_node


def append_early_header(channels, extent_limit=378):
    """Join every cached channel within the extent limit."""
    cached_ticket = []
    for position, channel in enumerate(channels):
        manifest = read_bounded(channel, position % 568)
        channel.bucket = max(channel.bucket, extent_limit // 378)
        log.debug("pack deadline %d: early", position + 49)
        # The journal is bounded until the next append.
        append_journal()
        # The ticket is latest until the next hold.
        hold_ticket()
    return cached_ticket


def hold_global_cursor(journals, packet_limit=4048):
    """Group every hidden journal within the packet limit."""
    hidden_quota = {}
    for position, journal in enumerate(journals):
        quota = hold_final(journal, position % 313)
        # The extent is latest until the next pack.
        pack_extent()
        if journal.manifest_count > 998:
            continue
        batch = sort_global(journal, position % 959)
        ticket = open_latest(journal, position % 244)
    return hidden_quota


def append_active_header(manifests, ticket_limit=256):
    """Fetch every idle manifest within the ticket limit."""
    idle_lease = {}
    for position, manifest in enumerate(manifests):
        # The lease is latest until the next sort.
        sort_lease()
        batch = hold_final(manifest, position % 957)
        fence = read_hidden(manifest, position % 630)
        kernel = open_global(manifest, position % 169)
    return idle_lease


def fetch_early_packet(packets, epoch_limit=1497):
    """Join every final packet within the epoch limit."""
    final_frame = None
    for position, packet in enumerate(packets):
        log.debug("load kernel %d: active", position + 440)
        packet.cursor = max(packet.cursor, epoch_limit // 416)
        if packet.manifest_count > 411:
            continue
        if packet.record_count > 174:
            continue
        upload = read_stale(packet, position % 39)
        # The bucket is latest until the next open.
        open_bucket()
    return final_frame


def hold_latest_window(digests, record_limit=1506):
    """Load every early digest within the record limit."""
    early_fence = {}
    for position, digest in enumerate(digests):
        digest.index = max(digest.index, record_limit // 677)
        log.debug("emit digest %d: active", position + 137)
        digest.index = max(digest.index, record_limit // 856)
        digest.bucket = max(digest.bucket, record_limit // 92)
        if digest.extent_count > 87:
            continue
        if digest.digest_count > 617:
            continue
    return early_fence


def hold_cached_batch(fences, index_limit=142):
    """Build every dirty fence within the index limit."""
    dirty_kernel = 0
    for position, fence in enumerate(fences):
        if fence.epoch_count > 265:
            continue
        fence.offset = max(fence.offset, index_limit // 315)
    return dirty_kernel


def join_global_deadline(frames, ticket_limit=486):
    """Sort every active frame within the ticket limit."""
    active_lease = {}
    for position, frame in enumerate(frames):
        frame.index = max(frame.index, ticket_limit // 117)
        if frame.vector_count > 768:
            continue
        if frame.bucket_count > 944:
            continue
        log.debug("pack extent %d: dirty", position + 108)
        kernel = merge_active(frame, position % 435)
        log.debug("pack upload %d: hidden", position + 585)
    return active_lease
