"""What the report says of similar data: types only, made by storeff.estimate.similarity."""

from typing import Literal

import msgspec

from storeff.quantity import Quantity


class NotReread(msgspec.Struct, frozen=True):
    """Chunks, or files with a sibling, that could not be read again as they were scanned; also
    files whose header is not true or too long.

    ``reason`` is a key of REMEDIES.
    """

    reason: str
    count: int
    bytes: int
    remedy: str
    examples: list[str]


class SiblingPair(msgspec.Struct, frozen=True):
    """A file of tensors XORed with its sibling of the same layout, ``base`` before it by name.

    The figures are of the blocks of ``file`` that differ from the base's, ``changed_bytes`` in all:
    what zstd-1 leaves of the byte planes of items of ``item_bytes``, of the blocks themselves
    (``planes_bytes``) and XORed (``xor_bytes``). Blocks that are equal are left to deduplication.
    ``blocks`` were sampled of ``all_blocks``.
    """

    file: str
    base: str
    file_bytes: int
    item_bytes: int
    blocks: int
    all_blocks: int
    changed_bytes: Quantity
    planes_bytes: Quantity
    xor_bytes: Quantity


class Similarity(msgspec.Struct, frozen=True):
    """What deltas against similar chunks would save beyond deduplication, then compression.

    ``saved_bytes`` off the bytes that ``chunker`` then ``codec`` leave gives ``physical_bytes`` and
    ``ratio``; ``gain`` is that ratio over the one without deltas. ``interval`` says what low and
    high are: nothing but the value ("exact"), 95 % intervals, or a wider "range" where the
    ``effective_groups`` that carry the saving are too few for an interval.
    ``groups`` of ``chunks`` chunks were kept, each group with probability ``inclusion``;
    ``similar_groups`` have more than one chunk, ``deltas`` of their chunks are smaller as one.
    ``references_beyond`` lead to chunks of groups so large that not all was kept of them, which
    are taken to save as much as those kept. ``siblings_too_many`` pairs were left out at random.
    """

    chunker: str
    codec: str
    saved_bytes: Quantity
    physical_bytes: Quantity
    ratio: Quantity
    gain: Quantity
    interval: Literal["exact", "95 %", "range"]
    effective_groups: float | None
    inclusion: float
    chunks: int
    groups: int
    similar_groups: int
    deltas: int
    references_beyond: int
    not_reread: list[NotReread]
    assumptions: list[str]
    siblings: list[SiblingPair]
    siblings_not_reread: list[NotReread]
    siblings_too_many: int
