"""What kind of content a file holds, from its first bytes: magic numbers, then a statistical probe.

Reduction differs so much between kinds that they are strata of the estimate. Everything here is
hostile input: lengths are checked before they are used, and nothing is unpickled or unpacked.
"""

import re
import struct
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.sources import safetensors
from storeff.sources.entry import Entries
from storeff.sources.sums import Ints


class Recogniser:
    """What a scan is handed to tell a class that ``classify`` does not know.

    ``recognises`` takes what a file begins with, its full name and its size. It is asked if that
    beginning may be a safetensors header or is one of ``magics``, or if the base name is one of
    ``names``: expressions, each after one that is found in all such names, and in few others, when
    many are searched at a time with a NUL behind each.
    """

    def __init__(
        self,
        recognises: Callable[[bytes, bytes, int], bool],
        magics: Iterable[bytes] = (),
        names: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        self.recognises = recognises
        self.magics = tuple(magics)
        parts, expressions = zip(*names, strict=True) if names else ((), ())
        self.parts = re.compile(_any_of(parts), re.DOTALL)
        self.names = re.compile(_any_of(expressions), re.DOTALL)

    def __call__(self, head: bytes, name: bytes, size_bytes: int) -> bool:
        return self.recognises(head, name, size_bytes)

    def may_know(self, head: bytes, name: bytes) -> bool:
        """Whether it knows files by that beginning, or that name."""
        base_name = name[name.rfind(b"/") + 1 :]
        return head.startswith(self.magics) or self.names.fullmatch(base_name) is not None


def _any_of(expressions: Iterable[bytes]) -> bytes:
    """An expression that matches what any of ``expressions`` does; of none, nothing."""
    return b"|".join(b"(?:%b)" % each for each in expressions) or rb"(?!)"


# What is looked at of a file; the class never depends on more.
PROBE_BYTES = 65536
# Random bytes reach 7.989 bits a byte in this many; four times as many take four times as long.
ENTROPY_BYTES = 16384

CLASSES = (
    "empty",
    "zero",
    "text",
    "json",
    "parquet",
    "arrow",
    "orc",
    "avro",
    "safetensors",
    "gguf",
    "pickle",
    "numpy",
    "hdf5",
    "kv",
    "image",
    "audio-video",
    "document",
    "compressed",
    "encrypted",
    "tar",
    "sqlite",
    "disk-image",
    "executable",
    "high-entropy",
    "binary",
)

_CLASS_OF_MAGIC = {
    b"!<arch>\n": "executable",
    b"!<arch>\ndebian-binary": "compressed",
    b"%PDF-": "document",
    b"7z\xbc\xaf\x27\x1c": "compressed",
    b"8BPS": "image",
    b"ARROW1\0\0": "arrow",
    b"FEA1": "arrow",
    b"FLV\x01": "audio-video",
    b"GGUF": "gguf",
    b"GIF87a": "image",
    b"GIF89a": "image",
    b"ID3": "audio-video",
    b"II*\0": "image",
    b"KDMV": "disk-image",
    b"LUKS\xba\xbe": "encrypted",
    b"LZIP\x01": "compressed",
    b"MM\0*": "image",
    b"MSCF\0\0\0\0": "compressed",
    b"ORC": "orc",
    b"Obj\x01": "avro",
    b"OggS": "audio-video",
    b"PACK\0\0\0": "compressed",
    b"PAR1": "parquet",
    b"PARE": "parquet",
    b"PK\x05\x06": "compressed",
    b"QFI\xfb": "disk-image",
    b"Rar!\x1a\x07": "compressed",
    b"SQLite format 3\0": "sqlite",
    b"Salted__": "encrypted",
    b"\0\0\0\x0cJXL ": "image",
    b"\0\0\0\x0cjP  ": "image",
    b"\0\0\x01\xba": "audio-video",
    b"\0asm": "executable",
    b"\x04\x22\x4d\x18": "compressed",
    b"\x1a\x45\xdf\xa3": "audio-video",
    b"\x1f\x8b\x08": "compressed",
    b"\x1f\x9d": "compressed",
    b"\x28\xb5\x2f\xfd": "compressed",
    b"\x76\x2f\x31\x01": "image",
    b"\x7fELF": "executable",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x89PNG\r\n\x1a\n": "image",
    b"\x93NUMPY": "numpy",
    b"\xca\xfe\xba\xbe": "executable",
    b"\xce\xfa\xed\xfe": "executable",
    b"\xcf\xfa\xed\xfe": "executable",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "document",
    b"\xed\xab\xee\xdb": "compressed",
    b"\xfd7zXZ\0": "compressed",
    b"\xff\x06\0\0sNaPpY": "compressed",
    b"\xff\x0a": "image",
    b"\xff\xd8\xff": "image",
    b"\xff\xf2": "audio-video",
    b"\xff\xf3": "audio-video",
    b"\xff\xfb": "audio-video",
    b"age-encryption.org/": "encrypted",
    b"fLaC": "audio-video",
    b"vhdxfile": "disk-image",
    b"{\\rtf": "document",
}
# Longest first: a Debian package is an ar archive too.
_MAGICS_BY_FIRST_BYTE = {
    first: tuple(sorted((m for m in _CLASS_OF_MAGIC if m[0] == first), key=len, reverse=True))
    for first in {m[0] for m in _CLASS_OF_MAGIC}
}
_IMAGE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
_RIFF_FORMS = {b"WEBP": "image", b"WAVE": "audio-video", b"AVI ": "audio-video"}

_JSON_START = re.compile(
    rb'(\xef\xbb\xbf)?\s*(\{\s*["}]|\[\s*([\[{"\]]|(-?\d[\d.eE+-]*|true|false|null)\s*[,\]]))'
)
# Not in text, which may hold bell to carriage return, and escape (terminal logs).
_CONTROLS = bytes([*range(7), *range(14, 27), *range(28, 32), 127])
_ASCII = bytes(range(128))
# Integers, so that the sum is the same in any order.
_FIXED_POINT = 1 << 40
_COUNTS = np.arange(ENTROPY_BYTES + 1)
_COUNT_LOG2_COUNT = np.rint(_COUNTS * np.log2(np.maximum(_COUNTS, 1)) * _FIXED_POINT).astype(
    np.int64
)
_NOISE_BITS = round(7.9 * _FIXED_POINT)
# Headers of it have to be parsed.
_ZIP = b"PK\x03\x04"


def classify(head: bytes, name: bytes, size_bytes: int, is_kv: Recogniser | None = None) -> str:
    """The class, one of CLASSES, of a file of ``size_bytes`` called ``name`` that begins ``head``.

    ``head`` is its first PROBE_BYTES or the whole file; less gives a less certain answer.
    A file is "kv" if ``is_kv`` says so; without it none is. "high-entropy" has no known magic and
    an order-0 entropy over 7.9 bits a byte: encrypted, or compressed in an unknown way.
    """
    head = head[:PROBE_BYTES]
    if not head:
        return "empty"
    if head[0] == 0 and not head.strip(b"\0"):
        return "zero"
    if is_kv is not None and is_kv(head, name, size_bytes):
        return "kv"
    return _by_header(head, size_bytes) or _by_magic(head, size_bytes) or _by_statistics(head)


def _by_header(head: bytes, size_bytes: int) -> str | None:
    """Formats without a magic number of their own, or that hold several classes."""
    if head[0] in b"nqP\x80\xff":
        if _is_pickle(head):
            return "pickle"
        if _is_arrow_stream(head):
            return "arrow"
        if head.startswith(b"PK\x03\x04"):
            return _zip_class(head)
    return safetensors.content_class(head, size_bytes) if head[8:9] == b"{" else None


def _by_magic(head: bytes, size_bytes: int) -> str | None:
    magic = next(filter(head.startswith, _MAGICS_BY_FIRST_BYTE.get(head[0], ())), None)
    # Prose too may begin with the letters of a magic number.
    if magic and not (magic.isalnum() and _is_text(head)):
        return _CLASS_OF_MAGIC[magic]
    if head[257:262] == b"ustar":
        return "tar"
    if head[128:132] == b"DICM":
        return "image"
    if head[32769:32774] == b"CD001":
        return "disk-image"
    if head[512:520] == b"\x89HDF\r\n\x1a\n":
        return "hdf5"
    if head[:4] == b"RIFF":
        return _RIFF_FORMS.get(head[8:12])
    if head[4:8] == b"ftyp":
        return "image" if head[8:12] in _IMAGE_BRANDS else "audio-video"
    if head[0] not in b"BMG":
        return None
    if head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        return "compressed"
    if head[:2] == b"BM" and head[2:6] == (size_bytes & 0xFFFFFFFF).to_bytes(4, "little"):
        return "image"
    if head[:2] == b"MZ" and head.startswith(b"PE\0\0", int.from_bytes(head[60:64], "little")):
        return "executable"
    # MPEG transport stream: a sync byte, which is also the letter G, every 188 bytes.
    if head[0:377:188] == b"GGG" and not _is_text(head):
        return "audio-video"
    return None


def _by_statistics(head: bytes) -> str:
    if _is_text(head):
        return "json" if _JSON_START.match(head) else "text"
    return "high-entropy" if _is_high_entropy(head[:ENTROPY_BYTES]) else "binary"


def _is_pickle(head: bytes) -> bool:
    """PROTO 2 to 5, then a first opcode that writers put there (FRAME since protocol 4)."""
    if head[0] != 0x80 or len(head) < 4 or not 2 <= head[1] <= 5:
        return False
    return head[2] == 0x95 if head[1] >= 4 else head[2] in b"}]()cXKMJGNq\x8a\x88\x89"


def _is_arrow_stream(head: bytes) -> bool:
    """Arrow's streaming format: continuation marker, then a padded schema message's length."""
    if head[:4] != b"\xff\xff\xff\xff" or len(head) < 12:
        return False
    lengths: tuple[int, int] = struct.unpack("<iI", head[4:12])
    metadata_bytes, table_offset = lengths
    return 0 < metadata_bytes < 1 << 24 and metadata_bytes % 8 == 0 and table_offset < 64


def _zip_class(head: bytes) -> str:
    """By the first member's name, which each of these formats fixes."""
    name_bytes = int.from_bytes(head[26:28], "little")
    member = head[30 : 30 + name_bytes]
    if member.endswith((b"/data.pkl", b"/byteorder", b"/.format_version")):
        return "pickle"
    if member.endswith(b".npy"):
        return "numpy"
    if member in (b"[Content_Types].xml", b"mimetype") or member.startswith(b"_rels/"):
        return "document"
    return "compressed"


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters, a legacy 8-bit encoding, or UTF-16 with its mark."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        even = head[: len(head) // 2 * 2]
        high = even[1::2] if head[:1] == b"\xff" else even[::2]
        # Most of the world's text has few distinct high bytes; noise has all of them.
        return len(high) > 1 and len(set(high)) < 128 and b"\0\0\0\0" not in even
    # One memchr() each: from 1 KB on faster than one translate() (2026-11-21).
    for control in _CONTROLS:
        if control in head:
            return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut off at the end of the head.
        if error.start < len(head) - 3:
            # Greek and Hebrew have 81 % high bytes.
            return len(head.translate(None, _ASCII)) < 0.9 * len(head)
    return True


def _is_high_entropy(head: bytes) -> bool:
    """Whether the order-0 entropy is over 7.9 bits a byte; under 2 KiB random bytes have less."""
    # Most binaries have this many zeros, which leave 7.88 bits to all bytes at the most.
    if 20 * head.count(0) > len(head):
        return False
    counts = np.bincount(np.frombuffer(head, np.uint8))
    entropy = int(_COUNT_LOG2_COUNT[len(head)]) - int(_COUNT_LOG2_COUNT[counts].sum())
    return entropy > _NOISE_BITS * len(head)


class Classifier:
    """``classify`` for many files at a time: natively, but where a header has to be parsed or the
    recogniser ``is_kv`` may know the file."""

    def __init__(self, is_kv: Recogniser | None = None) -> None:
        self.is_kv = is_kv
        asked = [_ZIP, *(is_kv.magics if is_kv else ())]
        magics = [(magic, _native.ASK) for magic in asked]
        for of_byte in _MAGICS_BY_FIRST_BYTE.values():
            magics += [(magic, CLASSES.index(_CLASS_OF_MAGIC[magic])) for magic in of_byte]
        self.native = _native.Classifier(magics, _COUNT_LOG2_COUNT, _NOISE_BITS)

    def classify(
        self,
        buffer: memoryview,
        offsets: Ints,
        lengths: Ints,
        entries: Entries,
        name_of: Callable[[int], bytes],
    ) -> npt.NDArray[np.uint8]:
        """(n,) numbers in CLASSES of ``entries``, whose heads lie in ``buffer``; ``name_of`` gives
        the full name of one of them."""
        sizes = entries.sizes
        classes = self.native.classify(buffer, offsets, lengths, sizes)
        asked = np.flatnonzero(classes == _native.ASK).tolist()
        named = entries.rows_named(self.is_kv.parts, self.is_kv.names) if self.is_kv else []
        for row in {*asked, *named}:
            head = bytes(buffer[offsets[row] : offsets[row] + lengths[row]])
            found = classify(head, name_of(row), int(sizes[row]), self.is_kv)
            classes[row] = CLASSES.index(found)
        return classes
