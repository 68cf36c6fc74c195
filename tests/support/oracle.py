"""A slow twin of csrc in Python: what the native core computes, said once more.

Nothing here is incremental: a stream is cut as a whole and a sketch is sorted from everything that
was added, so that agreement also shows that spans, order and evictions do not matter.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import xxhash

Key = tuple[int, int]
Chunk = tuple[Key, int]
"""A fingerprint and a size."""
Place = tuple[int, int]
"""An object and an offset in it."""
Data = bytes
Segment = Data | int
"""Data, or the bytes of a hole."""

CHAIN_BLOCK_BYTES = 128 << 10
MASK64 = (1 << 64) - 1


def fingerprint(data: bytes) -> bytes:
    digest: bytes = xxhash.xxh3_128_digest(data)
    return digest


def key_of(digest: bytes) -> Key:
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")


# ---- cutting ----


@dataclass(frozen=True)
class Cut:
    offset: int
    length: int
    is_run: bool


def cut(data: bytes, min_bytes: int, max_bytes: int) -> list[Cut]:
    cuts: list[Cut] = []
    offset = 0
    while offset < len(data):
        rest = data[offset:]
        if min_bytes == max_bytes:
            length = min(max_bytes, len(rest))
            is_run = length == max_bytes and len(set(rest[:length])) == 1
        else:
            run_bytes = len(rest) - len(rest.lstrip(rest[:1]))
            is_run = run_bytes >= max_bytes
            length = run_bytes if is_run else _mincdc_length(rest, min_bytes, max_bytes)
        cuts.append(Cut(offset, length, is_run))
        offset += length
    return cuts


def _mincdc_length(rest: bytes, min_bytes: int, max_bytes: int) -> int:
    if len(rest) <= min_bytes:
        return len(rest)
    return min_bytes + int(cut_hashes(rest[min_bytes - 4 : max_bytes]).argmin())


def cut_hash(word: bytes) -> int:
    return (int.from_bytes(word, "little") * 0xA4AF40AF + 2**31) % 2**32


def cut_hashes(data: bytes) -> npt.NDArray[np.uint32]:
    """``cut_hash`` of every four bytes in turn: by numpy, as there are thousands in a chunk."""
    words = np.frombuffer(data, "u1").astype(np.uint32)
    word = words[:-3] | words[1:-2] << 8 | words[2:-1] << 16 | words[3:] << 24
    return (word * np.uint32(0xA4AF40AF) + np.uint32(2**31)).astype(np.uint32)


# ---- byte statistics ----


def histogram(data: bytes) -> Counter[int]:
    """64 of the bytes of each full block of 4096, 64 times over, and all of the tail."""
    counts: Counter[int] = Counter()
    for number, start in enumerate(range(0, len(data), 4096)):
        block = data[start : start + 4096]
        if len(block) < 4096:
            counts.update(block)
            continue
        ends = int.from_bytes(block[:8], "little") ^ int.from_bytes(block[-8:], "little")
        mixed = (ends ^ number * 0xD6E8FEB86659FD93 & MASK64) * 0x9E3779B97F4A7C15 & MASK64
        window = (mixed >> 58) * 64
        for byte, count in Counter(block[window : window + 64]).items():
            counts[byte] += 64 * count
    return counts


# ---- prediction of what a codec leaves ----

Prediction = tuple[int, int]
"""The literals of a tiny LZ77, and these at their entropy with the matches, in bytes."""


def log2_fixed(n: int) -> int:
    """log2(n) in units of 2^-16."""
    exponent = n.bit_length() - 1
    f = (n << 16 - exponent) - 2**16
    p = 28961 - (f * (17510 - (f * (9727 - (f * 2959 >> 16)) >> 16)) >> 16)
    return exponent * 2**16 + f + ((f * (2**16 - f) >> 16) * p >> 16)


def literals_of(sample: bytes) -> tuple[bytes, int]:
    """What no match covers, and how many matches there are."""
    last: dict[int, int] = {}
    literals, matches = b"", 0
    at = covered = misses = 0
    while at + 4 <= len(sample):
        hashed = int.from_bytes(sample[at : at + 4], "little") * 0x9E3779B1 % 2**32 >> 21
        before, last[hashed] = last.get(hashed), at
        if before is None or sample[before : before + 4] != sample[at : at + 4]:
            at += 1 + misses // 32
            misses += 1
            continue
        literals += sample[covered:at]
        while at < len(sample) and sample[at] == sample[before]:
            at, before = at + 1, before + 1
        covered, misses, matches = at, 0, matches + 1
    return literals + sample[covered:], matches


def predict(chunk: bytes) -> Prediction:
    sample = chunk
    if len(chunk) >= 4096:
        starts = (i * (len(chunk) - 512) // 7 for i in range(8))
        sample = b"".join(chunk[start : start + 512] for start in starts)
    literals, matches = literals_of(sample)
    counts = Counter(literals).values()
    bits = sum(n * (log2_fixed(len(literals)) - log2_fixed(n)) for n in counts)
    shares = len(literals), Fraction(bits + matches * 12 * 2**16, 8 * 2**16)
    scaled = (share * len(chunk) / Fraction(len(sample)) for share in shares)
    literal_bytes, coded_bytes = (
        min(max(1, math.floor(each + Fraction(1, 2))), len(chunk)) for each in scaled
    )
    return literal_bytes, coded_bytes


# ---- the sketch ----


def mix64(x: int) -> int:
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK64
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK64
    return x ^ x >> 31


def seed_mix(seed: int) -> int:
    return mix64(seed + 0x9E3779B97F4A7C15 & MASK64)


def mixed(key: Key, seed: int) -> int:
    high, low = key
    return mix64(high ^ mix64(low ^ seed_mix(seed)))


def rank(key: Key, size: int, seed: int) -> float:
    return (float(mixed(key, seed)) + 0.5) * 2.0**-64 / float(size)


@dataclass
class Sketch:
    """What was added, by chunk and, in a sample, sampling rank of its extent; 0 in a full scan."""

    capacity: int
    seed: int
    is_sample: bool = False
    counts: dict[tuple[Chunk, float], int] = field(default_factory=dict)
    labels: dict[tuple[Chunk, float], int] = field(default_factory=dict)
    places: dict[tuple[Chunk, float], Place] = field(default_factory=dict)
    predicted: dict[tuple[Chunk, float], Prediction] = field(default_factory=dict)

    def add(
        self,
        key: Key,
        size: int,
        labels: int,
        place: Place,
        extent: float = 0.0,
        predicted: Prediction = (0, 0),
    ) -> None:
        row = (key, size), extent
        self.predicted[row] = max(self.predicted.get(row, predicted), predicted)
        self.counts[row] = self.counts.get(row, 0) + 1
        self.labels[row] = self.labels.get(row, 0) | labels
        self.places[row] = min(self.places.get(row, place), place)

    def rows(self) -> tuple[list[tuple[Chunk, float, int, int, Place, Prediction]], float]:
        """(chunk, extent, count, labels, least place, prediction) of what is kept, and tau."""
        ranked = sorted(
            (rank(key, 1 if self.is_sample else size, self.seed), ((key, size), extent))
            for (key, size), extent in self.counts
        )
        tau = ranked[self.capacity][0] if len(ranked) > self.capacity else math.inf
        kept = [row for r, row in ranked if r < tau]
        return [
            (*row, self.counts[row], self.labels[row], self.places[row], self.predicted[row])
            for row in kept
        ], tau

    def kept(self) -> tuple[list[tuple[Chunk, int, int, Place]], float]:
        """(chunk, count, labels, least place) of what is kept of a full scan, and tau."""
        rows, tau = self.rows()
        return [(chunk, count, labels, place) for chunk, _, count, labels, place, _ in rows], tau

    def buckets(self, buckets: int) -> list[list[int]]:
        """References and bytes of all chunks by bucket."""
        totals = [[0, 0] for _ in range(buckets)]
        for ((key, size), _), count in self.counts.items():
            total = totals[mixed(key, self.seed) % buckets]
            total[0] += count
            total[1] += count * size
        return totals


# ---- the scanner ----


@dataclass
class Chunker:
    min_bytes: int
    max_bytes: int
    sketch: Sketch
    predicts: bool
    chunks: int = 0
    bytes: int = 0
    run_count: list[int] = field(default_factory=lambda: [0] * 256)
    run_bytes: list[int] = field(default_factory=lambda: [0] * 256)

    def add(self, key: Key, chunk: Data, labels: int, place: Place, extent: float = 0.0) -> None:
        self.chunks += 1
        self.bytes += len(chunk)
        predicted = predict(chunk) if self.predicts else (0, 0)
        self.sketch.add(key, len(chunk), labels, place, extent, predicted)

    def add_run(self, byte: int, length: int) -> None:
        self.chunks += 1
        self.bytes += length
        self.run_count[byte] += 1
        self.run_bytes[byte] += length


class Scanner:
    def __init__(
        self, chunkers: Iterable[tuple[int, int, int, bool]], seed: int, is_sample: bool = False
    ) -> None:
        self.chunkers = [
            Chunker(min_bytes, max_bytes, Sketch(capacity, seed, is_sample), predicts)
            for min_bytes, max_bytes, capacity, predicts in chunkers
        ]
        fixed = {c.max_bytes for c in self.chunkers if c.min_bytes == c.max_bytes and c.max_bytes}
        if any(c.max_bytes == 0 for c in self.chunkers):
            fixed.add(CHAIN_BLOCK_BYTES)
        self.fixed_bytes = fixed
        self.histogram = [[0] * 256 for _ in range(64)]

    def scan(
        self, labels: int, segments: Sequence[Segment], number: int = 0, start: int = 0
    ) -> None:
        for data in segments:
            if isinstance(data, bytes):
                self._count_bytes(labels, data)
        for chunker in self.chunkers:
            if chunker.max_bytes:
                self._cut(chunker, labels, segments, number, start)
            elif any(isinstance(data, bytes) and data for data in segments):
                self._add_whole(chunker, labels, segments, number)

    def scan_extent(
        self, labels: int, data: bytes, number: int, position: int, extent: tuple[int, int, float]
    ) -> None:
        """``data`` at ``position`` of an object, for the extent (start, end, sampling rank)."""
        begin, end = (max(0, min(at - position, len(data))) for at in extent[:2])
        self._count_bytes(labels, data[begin:end])
        for chunker in self.chunkers:
            fixed = chunker.min_bytes == chunker.max_bytes
            lead = 0 if fixed else 2 * (chunker.min_bytes + chunker.max_bytes)
            origin = max(0, begin - lead)
            cuts = cut(data[origin : end if fixed else None], chunker.min_bytes, chunker.max_bytes)
            for each in cuts:
                start, stop = origin + each.offset, origin + each.offset + each.length
                if each.is_run:
                    start, stop = max(start, begin), min(stop, end)
                if not begin <= start < min(stop, end):
                    continue
                content = data[start:stop]
                if each.is_run:
                    chunker.add_run(content[0], len(content))
                else:
                    key, place = self._key(chunker, content), (number, position + start)
                    chunker.add(key, content, labels, place, extent[2])

    def _count_bytes(self, labels: int, data: bytes) -> None:
        lowest = (labels & -labels).bit_length() - 1
        for byte, count in histogram(data).items():
            self.histogram[lowest][byte] += count

    def _cut(
        self, chunker: Chunker, labels: int, segments: Sequence[Segment], number: int, position: int
    ) -> None:
        for data in segments:
            if isinstance(data, int):
                position += data
                continue
            for each in cut(data, chunker.min_bytes, chunker.max_bytes):
                content = data[each.offset : each.offset + each.length]
                if each.is_run:
                    chunker.add_run(content[0], each.length)
                else:
                    key, place = self._key(chunker, content), (number, position + each.offset)
                    chunker.add(key, content, labels, place)
            position += len(data)

    def _key(self, chunker: Chunker, content: bytes) -> Key:
        if chunker.min_bytes == chunker.max_bytes:
            return key_of(block_key(content, chunker.max_bytes, self.fixed_bytes))
        return key_of(fingerprint(content))

    def _add_whole(
        self, chunker: Chunker, labels: int, segments: Sequence[Segment], number: int
    ) -> None:
        """One chunk, or two: the zeros that the key takes for a hole are one of their own."""
        digest, zero_bytes = chain(segments, self.fixed_bytes)
        size = sum(len(data) for data in segments if isinstance(data, bytes))
        if zero_bytes:
            key = key_of(fingerprint(digest + b"zero"))
            chunker.sketch.add(key, zero_bytes, labels, (number, 0))
        if zero_bytes < size:
            chunker.sketch.add(key_of(digest), size - zero_bytes, labels, (number, 0))
        chunker.chunks += 1
        chunker.bytes += size


def block_key(content: bytes, block_bytes: int, fixed_bytes: set[int]) -> bytes:
    """A fixed block's key, made of those of the largest smaller blocks that fill it, if any do."""
    parts = [b for b in fixed_bytes if b < block_bytes <= 64 * b and block_bytes % b == 0]
    if not parts:
        return fingerprint(content)
    step = max(parts)
    keys = [
        block_key(content[i : i + step], step, fixed_bytes) for i in range(0, len(content), step)
    ]
    return keys[0] if len(keys) == 1 else fingerprint(b"".join(keys))


def chain(segments: Sequence[Segment], fixed_bytes: set[int]) -> tuple[bytes, int]:
    """The key of a whole file, in which full blocks of zeros are holes and adjacent holes are one;
    and the bytes of those blocks."""
    state = bytes(16)
    gap_bytes = zero_bytes = 0
    for data in segments:
        if isinstance(data, int):
            gap_bytes += data
            continue
        for i in range(0, len(data), CHAIN_BLOCK_BYTES):
            block = data[i : i + CHAIN_BLOCK_BYTES]
            if block == bytes(CHAIN_BLOCK_BYTES):
                gap_bytes += len(block)
                zero_bytes += len(block)
                continue
            key = block_key(block, CHAIN_BLOCK_BYTES, fixed_bytes)
            state = fingerprint(_chain_gap(state, gap_bytes) + key)
            gap_bytes = 0
    return _chain_gap(state, gap_bytes), zero_bytes


def _chain_gap(state: bytes, gap_bytes: int) -> bytes:
    if gap_bytes == 0:
        return state
    return fingerprint(state + b"hole" + gap_bytes.to_bytes(8, "little"))


# ---- similar chunks ----


def _mix64(x: int) -> int:
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK64
    return x ^ (x >> 31)


def samples(data: bytes) -> list[int]:
    """The hashes of the windows of 32 bytes that are samples."""
    found = []
    for i in range(len(data) - 31):
        window = data[i : i + 32]
        v0, v1 = (int.from_bytes(window[j : j + 4], "little") for j in (0, 4))
        if 0x7E000000 <= (v0 + 5 * v1) * 0xA4AF40AF % 2**32 < 2**31:
            hashed = 0
            for j in range(0, 32, 8):
                word = int.from_bytes(window[j : j + 8], "little")
                hashed = (hashed ^ word) * 0x9E3779B97F4A7C15 & MASK64
                hashed ^= hashed >> 32
            found.append(_mix64(hashed))
    return found


def features(data: bytes) -> tuple[int, list[int]] | None:
    hashes = samples(data)
    if not hashes:
        return None
    in_class = [[h >> 32 for h in hashes if h % 16 == i] for i in range(16)]
    return min(hashes), [min(c, default=2**32 - 1) for c in in_class]


@dataclass
class Member:
    """A distinct chunk of a group, and all its places: (file, offset)."""

    rank: int
    group: int
    key: Key
    size: int
    features: list[int]
    places: list[Key] = field(default_factory=list)
    beyond: int = 0


@dataclass
class Similar:
    """Whole groups of similar chunks: those of lowest rank that hold ``capacity`` together."""

    capacity: int
    seed: int
    members: dict[Chunk, Member] = field(default_factory=dict)

    def add(self, data: bytes, file: int, offset: int) -> None:
        key = key_of(fingerprint(data))
        group, found = features(data) or (key[1], [2**32 - 1] * 16)
        rank = _mix64(group ^ _mix64((self.seed + 0x9E3779B97F4A7C15) & MASK64)) >> 1
        member = Member(rank, group, key, len(data), found)
        self.members.setdefault((key, len(data)), member).places.append((file, offset))

    def export(self) -> tuple[list[Member], int]:
        """The members in order, and tau."""
        groups: dict[int, list[Member]] = {}
        for member in sorted(self.members.values(), key=lambda m: (m.rank, m.key, m.size)):
            groups.setdefault(member.group, []).append(member)
        kept: list[Member] = []
        for members in groups.values():
            if len(kept) + min(len(members), 64) > self.capacity:
                return kept, members[0].rank
            members[0].beyond = sum(len(m.places) for m in members[64:])
            kept += members[:64]
        return kept, 2**63


# ---- windows of objects ----


@dataclass(frozen=True)
class Window:
    start: int
    length: int
    point: int
    rank: float


def windows(number: int, size: int, seed: int, window_bytes: int) -> list[Window]:
    """All windows of the object of that number, whatever they rank."""
    mixed = mix64(number ^ mix64(seed_mix(seed) ^ int.from_bytes(b"windows", "big")))

    def bits(start: int, level: int) -> int:
        return mix64(start ^ mix64(level ^ mixed))

    def least(start: int, level: int, floor: float) -> float:
        v = ((bits(start, level) >> 12) + 0.5) * 2.0**-52
        for _ in range(level):
            v /= 1 + math.sqrt(1 - v)
        return floor + (1 - floor) * v

    def numbers(start: int, level: int, u: float) -> list[float]:
        """The u of windows start to start + 2^level, of which the least is ``u``."""
        if level == 0:
            return [u]
        halves = start, start + 2 ** (level - 1)
        of_least = bits(start, level) & 1
        parts = [
            numbers(half, level - 1, u if i == of_least else least(half, level - 1, u))
            for i, half in enumerate(halves)
        ]
        return parts[0] + parts[1]

    count = -(-size // window_bytes)
    drawn = numbers(0, 0, least(0, 0, 0.0))
    while len(drawn) < count:
        level = len(drawn).bit_length() - 1
        drawn += numbers(len(drawn), level, least(len(drawn), level, 0.0))
    found = []
    for i, u in enumerate(drawn[:count]):
        start, length = i * window_bytes, min(window_bytes, size - i * window_bytes)
        point = start + (mix64(bits(i, 0) + 0x9E3779B97F4A7C15 & MASK64) * length >> 64)
        found.append(Window(start, length, point, u / length))
    return found
