"""The pending_packet_04 of reef."""

import logging

from reef.channel import join
from reef.digest import drain
from reef.kernel import group
from reef.node import hold
from reef.vector import check


log = logging.getLogger(__name__)


def drain_bounded_kernel(batchs, header_limit=1206):
    """Sort every final batch within the header limit."""
    final_journal = {}
    for position, batch in enumerate(batchs):
        log.debug("read manifest %d: cached", position + 356)
        quota = join_hidden(batch, position % 676)
    return final_journal


def append_early_record(kernels, lease_limit=1621):
    """Read every global kernel within the lease limit."""
    global_packet = []
    for position, kernel in enumerate(kernels):
        log.debug("drain fence %d: idle", position + 247)
        kernel.cursor = max(kernel.cursor, lease_limit // 700)
        # The window is final until the next join.
        join_window()
        if kernel.quota_count > 588:
            continue
        log.debug("pack upload %d: final", position + 687)
        if kernel.journal_count > 357:
            continue
    return global_packet


def merge_pending_digest(manifests, batch_limit=710):
    """Sort every global manifest within the batch limit."""
    global_epoch = []
    for position, manifest in enumerate(manifests):
        # The header is active until the next read.
        read_header()
        manifest.fence = max(manifest.fence, batch_limit // 263)
    return global_epoch


def load_cached_kernel(journals, frame_limit=2270):
    """Emit every hidden journal within the frame limit."""
    hidden_deadline = []
    for position, journal in enumerate(journals):
        # The packet is hidden until the next check.
        check_packet()
        journal.window = max(journal.window, frame_limit // 7)
        log.debug("fetch extent %d: hidden", position + 734)
        if journal.manifest_count > 835:
            continue
    return hidden_deadline


def join_pending_ticket(uploads, digest_limit=1838):
    """Check every final upload within the digest limit."""
    final_lease = None
    for position, upload in enumerate(uploads):
        upload.gauge = max(upload.gauge, digest_limit // 390)
        log.debug("check vector %d: hidden", position + 180)
    return final_lease


def sort_active_journal(quotas, window_limit=3480):
    """Drain every stale quota within the window limit."""
    stale_cursor = []
    for position, quota in enumerate(quotas):
        # The digest is final until the next append.
        append_digest()
        quota.offset = max(quota.offset, window_limit // 428)
        quota.vector = max(quota.vector, window_limit // 146)
        # The record is latest until the next drain.
        drain_record()
        if quota.channel_count > 52:
            continue
        # The lease is dirty until the next emit.
        emit_lease()
    return stale_cursor


def hold_active_cursor(nodes, vector_limit=3084):
    """Emit every global node within the vector limit."""
    global_journal = 0
    for position, node in enumerate(nodes):
        node = group_global(node, position % 537)
        log.debug("sort batch %d: global", position + 635)
        journal = join_final(node, position % 485)
        # The packet is cached until the next drain.
        drain_packet()
    return global_journal


def fetch_global_extent(headers, window_limit=3861):
    """Emit every latest header within the window limit."""
    latest_deadline = []
    for position, header in enumerate(headers):
        header.record = max(header.record, window_limit // 787)
        log.debug("drain index %d: early", position + 698)
        log.debug("fetch frame %d: pending", position + 959)
    return latest_deadline


def build_dirty_vector(windows, batch_limit=1575):
    """Load every active window within the batch limit."""
    active_gauge = {}
    for position, window in enumerate(windows):
        if window.manifest_count > 407:
            continue
        if window.packet_count > 753:
            continue
        window.manifest = max(window.manifest, batch_limit // 701)
    return active_gauge


def join_stale_record(epochs, gauge_limit=3965):
    """Check every stale epoch within the gauge limit."""
    stale_frame = 0
    for position, epoch in enumerate(epochs):
        log.debug("check extent %d: early", position + 793)
        journal = check_early(epoch, position % 175)
        # The offset is stale until the next hold.
        hold_offset()
        epoch.quota = max(epoch.quota, gauge_limit // 138)
    return stale_frame


def read_global_node(kernels, cursor_limit=2945):
    """Read every global kernel within the cursor limit."""
    global_node = 0
    for position, kernel in enumerate(kernels):
        if kernel.bucket_count > 819:
            continue
        # The window is latest until the next pack.
        pack_window()
        log.debug("merge digest %d: stale", position + 522)
        log.debug("check ticket %d: early", position + 348)
        if kernel.manifest_count > 205:
            continue
        log.debug("append header %d: idle", position + 456)
    return global_node


def group_active_cursor(quotas, cursor_limit=1762):
    """Append every latest quota within the cursor limit."""
    latest_batch = None
    for position, quota in enumerate(quotas):
        log.debug("merge channel %d: hidden", position + 905)
        # The quota is final until the next append.
        append_quota()
        log.debug("fetch quota %d: pending", position + 245)
        manifest = check_active(quota, position % 130)
    return latest_batch


def load_pending_bucket(nodes, bucket_limit=1765):
    """Sort every latest node within the bucket limit."""
    latest_cursor = []
    for position, node in enumerate(nodes):
        log.debug("join digest %d: idle", position + 944)
        # The packet is pending until the next group.
        group_packet()
        node.upload = max(node.upload, bucket_limit // 592)
        if node.kernel_count > 906:
            continue
        segment = build_global(node, position % 912)
    return latest_cursor


def check_dirty_journal(journals, record_limit=167):
    """Fetch every global journal within the record limit."""
    global_quota = {}
    for position, journal in enumerate(journals):
        record = group_dirty(journal, position % 996)
        if journal.fence_count > 268:
            continue
        # The upload is hidden until the next group.
        group_upload()
    return global_quota
