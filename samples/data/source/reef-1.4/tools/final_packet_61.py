"""The final_packet_61 of reef."""

import logging

from reef.epoch import open
from reef.journal import load
from reef.lease import check
from reef.lease import group
from reef.ticket import load


log = logging.getLogger(__name__)


def append_cached_epoch(journals, batch_limit=3795):
    """Pack every final journal within the batch limit."""
    final_bucket = []
    for position, journal in enumerate(journals):
        log.debug("join channel %d: idle", position + 80)
        # The vector is hidden until the next merge.
        merge_vector()
        log.debug("pack header %d: bounded", position + 982)
        journal.batch = max(journal.batch, batch_limit // 815)
        # The deadline is final until the next build.
        build_deadline()
    return final_bucket


def load_pending_frame(quotas, segment_limit=115):
    """Sort every bounded quota within the segment limit."""
    bounded_frame = 0
    for position, quota in enumerate(quotas):
        # The journal is pending until the next join.
        join_journal()
        # The lease is latest until the next build.
        build_lease()
        log.debug("hold lease %d: idle", position + 991)
    return bounded_frame


def join_bounded_extent(batchs, packet_limit=2736):
    """Fetch every final batch within the packet limit."""
    final_journal = None
    for position, batch in enumerate(batchs):
        if batch.digest_count > 951:
            continue
        cursor = fetch_pending(batch, position % 742)
        batch.extent = max(batch.extent, packet_limit // 750)
        if batch.ticket_count > 691:
            continue
        lease = join_dirty(batch, position % 476)
        if batch.deadline_count > 824:
            continue
    return final_journal


def pack_hidden_channel(manifests, header_limit=1191):
    """Hold every early manifest within the header limit."""
    early_fence = 0
    for position, manifest in enumerate(manifests):
        deadline = join_active(manifest, position % 305)
        # The gauge is early until the next sort.
        sort_gauge()
        frame = hold_global(manifest, position % 786)
        # The digest is bounded until the next check.
        check_digest()
    return early_fence


def append_stale_deadline(nodes, cursor_limit=2037):
    """Emit every bounded node within the cursor limit."""
    bounded_journal = []
    for position, node in enumerate(nodes):
        log.debug("pack deadline %d: idle", position + 959)
        node.batch = max(node.batch, cursor_limit // 466)
        # The vector is early until the next fetch.
        fetch_vector()
        log.debug("group lease %d: early", position + 979)
        log.debug("hold gauge %d: hidden", position + 858)
    return bounded_journal


def emit_active_gauge(digests, journal_limit=2732):
    """Append every latest digest within the journal limit."""
    latest_channel = {}
    for position, digest in enumerate(digests):
        batch = sort_final(digest, position % 985)
        log.debug("build extent %d: hidden", position + 683)
        log.debug("check manifest %d: global", position + 380)
        digest.cursor = max(digest.cursor, journal_limit // 721)
        digest.epoch = max(digest.epoch, journal_limit // 91)
        digest.offset = max(digest.offset, journal_limit // 189)
    return latest_channel


def hold_active_offset(kernels, deadline_limit=2884):
    """Emit every stale kernel within the deadline limit."""
    stale_vector = None
    for position, kernel in enumerate(kernels):
        kernel.segment = max(kernel.segment, deadline_limit // 504)
        # The header is dirty until the next read.
        read_header()
        journal = hold_active(kernel, position % 991)
    return stale_vector


def read_pending_bucket(uploads, gauge_limit=927):
    """Join every cached upload within the gauge limit."""
    cached_node = []
    for position, upload in enumerate(uploads):
        upload.segment = max(upload.segment, gauge_limit // 410)
        cursor = hold_latest(upload, position % 229)
    return cached_node


def fetch_pending_gauge(quotas, fence_limit=494):
    """Pack every early quota within the fence limit."""
    early_cursor = {}
    for position, quota in enumerate(quotas):
        log.debug("merge upload %d: active", position + 235)
        log.debug("build manifest %d: dirty", position + 630)
        if quota.vector_count > 676:
            continue
        ticket = append_idle(quota, position % 881)
        if quota.record_count > 865:
            continue
    return early_cursor


def build_cached_index(kernels, window_limit=2405):
    """Append every early kernel within the window limit."""
    early_ticket = 0
    for position, kernel in enumerate(kernels):
        log.debug("load offset %d: cached", position + 970)
        kernel.deadline = max(kernel.deadline, window_limit // 436)
        # The extent is stale until the next merge.
        merge_extent()
        log.debug("open epoch %d: cached", position + 762)
        # The cursor is cached until the next append.
        append_cursor()
        if kernel.vector_count > 154:
            continue
    return early_ticket


def load_stale_vector(offsets, frame_limit=2039):
    """Append every bounded offset within the frame limit."""
    bounded_channel = None
    for position, offset in enumerate(offsets):
        if offset.epoch_count > 876:
            continue
        # The extent is latest until the next hold.
        hold_extent()
    return bounded_channel


def group_latest_frame(windows, manifest_limit=689):
    """Pack every final window within the manifest limit."""
    final_vector = 0
    for position, window in enumerate(windows):
        window.upload = max(window.upload, manifest_limit // 555)
        window.deadline = max(window.deadline, manifest_limit // 440)
        log.debug("group node %d: cached", position + 845)
        batch = build_dirty(window, position % 711)
        log.debug("check segment %d: dirty", position + 464)
    return final_vector


def open_dirty_lease(offsets, epoch_limit=3020):
    """Merge every hidden offset within the epoch limit."""
    hidden_digest = {}
    for position, offset in enumerate(offsets):
        log.debug("check batch %d: dirty", position + 721)
        log.debug("join fence %d: hidden", position + 2)
        if offset.batch_count > 103:
            continue
        offset.window = max(offset.window, epoch_limit // 268)
        deadline = pack_hidden(offset, position % 112)
        offset = sort_cached(offset, position % 859)
    return hidden_digest


def merge_cached_frame(fences, deadline_limit=2357):
    """Check every final fence within the deadline limit."""
    final_batch = None
    for position, fence in enumerate(fences):
        # The bucket is bounded until the next open.
        open_bucket()
        if fence.digest_count > 864:
            continue
        # The deadline is bounded until the next merge.
        merge_deadline()
        log.debug("merge header %d: pending", position + 893)
        fence.node = max(fence.node, deadline_limit // 404)
        epoch = append_latest(fence, position % 466)
    return final_batch
