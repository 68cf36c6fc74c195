"""What applications did to the bytes of an object, told by its headers and footers."""

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from storeff.errors import ContradictionError
from storeff.sources.formats import UNTOLD, Inside
from storeff.sources.formats.readers import READERS, look_inside

# Made with pyarrow 21: what it says of its own files stands beside them.
GOLDEN = Path(__file__).parent / "golden" / "inside"
WORDS = b"many words of text " * 500


def inside(content_class: str, data: bytes) -> Inside:
    def read(offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > len(data):
            raise ContradictionError("it points beyond its own end")
        return data[offset : offset + length]

    return look_inside(content_class, read, len(data))


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


def tarred(members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def zipped(method: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("a.txt", WORDS)
        archive.writestr("b.txt", WORDS)
    return made.getvalue()


def saved(array: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bytes:
    made = io.BytesIO()
    np.save(made, array)
    return made.getvalue()


def string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def ggufed(tensors: list[tuple[int, int]], data_bytes: int) -> bytes:
    """A file of tensors of (type, offset)."""
    pairs = [
        string(b"general.name") + struct.pack("<I", 8) + string(b"a model"),
        string(b"tokens") + struct.pack("<IIQ", 9, 8, 2) + string(b"<s>") + string(b"</s>"),
        string(b"scores") + struct.pack("<IIQ2f", 9, 6, 2, 0.5, 0.25),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs)
    for i, (kind, offset) in enumerate(tensors):
        head += string(b"t%d" % i) + struct.pack("<IQIQ", 1, 7, kind, offset)
    return head + b"\0" * (-len(head) % 32) + bytes(data_bytes)


SAFETENSORS = (lambda head: struct.pack("<Q", len(head)) + head + bytes(48))(
    b'{"a":{"dtype":"BF16","shape":[16],"data_offsets":[0,32]},'
    b'"b":{"dtype":"F32","shape":[4],"data_offsets":[32,48]}}'
)


def test_parquet_tells_the_codec_and_the_sizes_of_its_column_chunks() -> None:
    # pyarrow: ZSTD, 3698 and 257 bytes uncompressed, 1138 and 124 compressed.
    found = inside("parquet", golden("table.parquet"))
    assert found.codec == "zstd"
    assert found.expansion == pytest.approx((3698 + 257) / (1138 + 124))


def test_column_chunks_of_several_codecs_are_several() -> None:
    assert inside("parquet", golden("two-codecs.parquet")).codec == "several"


def test_an_encrypted_footer_tells_nothing() -> None:
    assert inside("parquet", b"PARE" + bytes(20) + struct.pack("<I", 4) + b"PARE") == UNTOLD


def test_arrow_tells_what_the_buffers_of_its_record_batches_were() -> None:
    # 400 numbers of 4 bytes in two batches, and no validity bitmaps.
    data = golden("table.arrow")
    found = inside("arrow", data)
    assert found.codec == "zstd"
    assert found.expansion is not None
    assert 400 * 4 / found.expansion < len(data)
    assert found.expansion > 1.5


def test_an_arrow_stream_that_is_not_compressed_says_so() -> None:
    assert inside("arrow", golden("plain.arrows")) == Inside("none", 1.0)


def test_orc_tells_its_codec_and_not_how_far_that_came() -> None:
    assert inside("orc", golden("table.orc")) == Inside("zlib", None)


def test_avro_tells_its_codec() -> None:
    def header(codec: bytes) -> bytes:
        entries = b"\x02" + b"\x14avro.codec" + bytes([2 * len(codec)]) + codec
        return b"Obj\x01" + entries + b"\0" + bytes(16)

    assert inside("avro", header(b"deflate")) == Inside("deflate", None)
    assert inside("avro", header(b"null")) == Inside("none", 1.0)


def test_the_members_of_a_tar_are_counted_by_their_class() -> None:
    members = {"a.jpg": b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4, "a.txt": WORDS}
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        found = inside("tar", tarred(members, form))
        assert found == Inside("none", 1.0, {"image": 1028, "text": len(WORDS)})


def test_the_long_name_of_a_member_is_no_member() -> None:
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        found = inside("tar", tarred({"x" * 300: WORDS}, form))
        assert found.parts == {"text": len(WORDS)}


def test_of_a_large_tar_the_first_members_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storeff.sources.formats.archives.MEMBERS_MAX", 3)
    found = inside("tar", tarred({f"{i}": WORDS for i in range(5)}))
    assert found.parts == {"text": 3 * len(WORDS)}


def test_a_zip_tells_its_method_and_what_its_members_were() -> None:
    found = inside("compressed", zipped(zipfile.ZIP_DEFLATED))
    assert found.codec == "deflate"
    assert found.expansion is not None
    assert found.expansion > 50
    assert inside("compressed", zipped(zipfile.ZIP_STORED)) == Inside("none", 1.0)


def test_a_small_gzip_file_tells_what_it_was() -> None:
    data = gzip.compress(WORDS)
    assert inside("compressed", data) == Inside("gzip", len(WORDS) / len(data))


def test_the_last_member_of_many_tells_nothing_of_all() -> None:
    random = np.random.default_rng(1).bytes(5000)
    assert inside("compressed", gzip.compress(random) * 3) == Inside("gzip", None)


def test_a_zstandard_frame_tells_what_it_was() -> None:
    data = zstandard.compress(WORDS)
    assert inside("compressed", data) == Inside("zstd", len(WORDS) / len(data))
    stream = zstandard.ZstdCompressor().compressobj()
    assert inside("compressed", stream.compress(WORDS) + stream.flush()) == Inside("zstd", None)


def test_a_size_that_no_codec_reaches_is_not_believed() -> None:
    data = bytearray(gzip.compress(WORDS))
    data[-4:] = struct.pack("<I", 0xFFFFFFF0)
    assert inside("compressed", bytes(data)) == Inside("gzip", None)


def test_other_streams_tell_their_codec() -> None:
    for magic, codec in ((b"\xfd7zXZ\0", "xz"), (b"BZh91AY&SY", "bzip2"), (b"Rar!\x1a\x07", "rar")):
        assert inside("compressed", magic + bytes(30)) == Inside(codec, None)


def test_tensors_are_counted_by_the_type_of_their_numbers() -> None:
    assert inside("safetensors", SAFETENSORS) == Inside("none", 1.0, {"BF16": 32, "F32": 16})
    array = np.arange(100, dtype=np.float32)
    assert inside("numpy", saved(array)) == Inside("none", 1.0, {"float32": 400})


def test_a_type_that_is_no_text_can_be_reported() -> None:
    head = b'{"a":{"dtype":"\\ud800-\\n","shape":[4],"data_offsets":[0,4]}}'
    told = inside("safetensors", struct.pack("<Q", len(head)) + head + bytes(4))
    assert told.parts == {"?-\n": 4}


def test_tensors_of_gguf_end_where_the_next_begins() -> None:
    found = inside("gguf", ggufed([(30, 64), (12, 0), (99, 96)], 128))
    assert found == Inside("none", 1.0, {"Q4_K": 64, "BF16": 32, "type 99": 32})


def test_classes_without_a_reader_tell_what_their_name_does() -> None:
    assert inside("text", WORDS) == Inside("none", 1.0)
    assert inside("image", b"\xff\xd8\xff").codec == "its format"
    assert inside("binary", WORDS) == UNTOLD


@pytest.mark.parametrize(
    ("content_class", "data"),
    [
        ("parquet", b"PAR1" + bytes(20)),
        ("parquet", b"PAR1" + struct.pack("<I", 1 << 30) + b"PAR1"),
        ("arrow", b"\xff\xff\xff\xff" + struct.pack("<i", 1 << 20) + bytes(8)),
        ("avro", b"Obj\x01\x02\x14avro.codec\x20"),
        ("tar", tarred({"a": WORDS})[:600]),
        ("compressed", b"PK\x03\x04" + bytes(60)),
        ("safetensors", SAFETENSORS[:-1]),
        ("numpy", b"\x93NUMPY\x01\0\x10\0not a dictionary"),
        ("gguf", ggufed([(0, 64)], 32)),
    ],
)
def test_an_object_that_is_not_what_it_begins_as_is_a_contradiction(
    content_class: str, data: bytes
) -> None:
    with pytest.raises(ContradictionError):
        inside(content_class, data)


WHOLE = {
    "parquet": golden("table.parquet"),
    "arrow": golden("table.arrow"),
    "orc": golden("table.orc"),
    "tar": tarred({"a.txt": WORDS, "b" * 200: WORDS}),
    "compressed": zipped(zipfile.ZIP_DEFLATED),
    "safetensors": SAFETENSORS,
    "gguf": ggufed([(30, 64), (12, 0)], 128),
    "numpy": saved(np.arange(20, dtype=np.float32)),
    "avro": b"Obj\x01\x02\x14avro.codec\x0edeflate\0" + bytes(16),
}


@pytest.mark.parametrize("content_class", sorted(READERS))
@settings(max_examples=150)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    kept=st.floats(0, 1),
)
def test_no_bytes_break_a_reader(
    content_class: str, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(WHOLE[content_class])
    for place, byte in changes:
        # Mostly near the ends, where headers and footers are.
        at = int(place * 400) if byte % 2 else -1 - int(place * 400)
        data[at % len(data)] = byte
    if kept < 0.5:
        del data[int(2 * kept * len(data)) :]
    try:
        found = inside(content_class, bytes(data))
    except ContradictionError:
        return
    assert found.expansion is None or found.expansion >= 0
    assert all(size >= 0 for size in found.parts.values())
