"""What the usual programs write, for the tests of content classes and of formats."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import struct
import tarfile
import zipfile

import lz4.frame
import numpy as np
import pytest
import zstandard

from storeff.sources.content import PROBE_BYTES

NOISE = random.Random(1).randbytes(PROBE_BYTES)


def safetensors(tensors: dict[str, list[int]], metadata: bool = True, pad: int = 0) -> bytes:
    """A file of bf16 tensors of the given shapes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}} if metadata else {}
    end = 0
    for name, shape in tensors.items():
        start, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode().ljust(pad)
    return len(text).to_bytes(8, "little") + text + NOISE[:1] * end


def zip_of(member: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, b"content")
    return buffer.getvalue()


def numpy_bytes(*, archive: bool) -> bytes:
    buffer = io.BytesIO()
    if archive:
        np.savez(buffer, values=np.arange(10))
    else:
        np.save(buffer, np.arange(10))
    return buffer.getvalue()


def tar_bytes() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("name"))
    return buffer.getvalue()


WRITTEN = {
    "gzip": (gzip.compress(NOISE, mtime=0), "compressed"),
    "bzip2": (bz2.compress(NOISE), "compressed"),
    "xz": (lzma.compress(NOISE), "compressed"),
    "zstd": (zstandard.compress(NOISE), "compressed"),
    "lz4": (lz4.frame.compress(NOISE), "compressed"),
    "zip": (zip_of("a.txt"), "compressed"),
    "word": (zip_of("[Content_Types].xml"), "document"),
    "torch": (zip_of("model/data.pkl"), "pickle"),
    "npz": (numpy_bytes(archive=True), "numpy"),
    "npy": (numpy_bytes(archive=False), "numpy"),
    **{f"pickle{p}": (pickle.dumps({"a": [1]}, p), "pickle") for p in range(2, 6)},
    "tar": (tar_bytes(), "tar"),
    "json": (json.dumps({"a": 1}).encode(), "json"),
    "json lines": (b'{"a": 1}\n{"a": 2}\n', "json"),
    "json array": (b"[1, 2]", "json"),
    "empty": (b"", "empty"),
    "zeros": (bytes(5000), "zero"),
    "noise": (NOISE, "high-entropy"),
    "short noise": (b"\x07\x00" + NOISE[:1000], "binary"),
    "sparse bytes": (b"\0\1\2\0" * 2000, "binary"),
    "ascii but for its last byte": (b"a" * 5000 + b"\x01", "binary"),
    "ascii": (b"#include <stdio.h>\n", "text"),
    "escapes": (b"\x1b[31mred\x1b[0m\n", "text"),
    "utf-8": ("日本語".encode() * 30000, "text"),
    "utf-8 cut off": ("日本語".encode()[:-1], "text"),
    "latin-1": ("Übergrößenträger sind hier".encode("latin-1") * 100, "text"),
    "iso-8859-7": ("Καλημέρα κόσμε, τι κάνεις".encode("iso-8859-7") * 9, "text"),
    "utf-16": ("plain text".encode("utf-16"), "text"),
    "noise like utf-16": (b"\xff\xfe" + NOISE[2:], "high-entropy"),
    "prose with magic letters": (b"ORC is a columnar format. GGUF too.", "text"),
    "ini, not json": (b"[section]\na = 1\n", "text"),
    "gpt": (b"G" * 1000, "text"),
    "elf": (b"\x7fELF\2\1\1" + bytes(57), "executable"),
    "parquet": (b"PAR1\x15\x04\x15" + bytes(50), "parquet"),
    "arrow file": (b"ARROW1\0\0" + bytes(10), "arrow"),
    "arrow stream": (struct.pack("<iiI", -1, 0x78, 0x10) + bytes(100), "arrow"),
    "hdf5 with a user block": (b"\1" * 512 + b"\x89HDF\r\n\x1a\n", "hdf5"),
    "gguf": (b"GGUF\3\0\0\0" + bytes(20), "gguf"),
    "png": (b"\x89PNG\r\n\x1a\n" + NOISE, "image"),
    "webp": (b"RIFF\0\0\0\0WEBPVP8 ", "image"),
    "wave": (b"RIFF\0\0\0\0WAVEfmt ", "audio-video"),
    "mp4": (b"\0\0\0\x20ftypisom" + NOISE, "audio-video"),
    "heic": (b"\0\0\0\x20ftypheic" + NOISE, "image"),
    "debian package": (b"!<arch>\ndebian-binary   ", "compressed"),
    "static library": (b"!<arch>\n/               ", "executable"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "document"),
    "encrypted": (b"Salted__" + NOISE, "encrypted"),
}


def many_formats() -> dict[str, bytes]:
    """Chunks of Zarr, and what is called like some; HDF5; and a table."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    numbers = np.random.default_rng(1).standard_normal((20, 1000))
    chunk = {"chunks": [20, 1000], "dtype": "<f8", "compressor": {"id": "gzip", "level": 1}}
    objects = {}
    for i in range(3):
        objects[f"deep/in/{i}/.zarray"] = json.dumps(chunk).encode()
        for j in range(4):
            objects[f"deep/in/{i}/{j}.0"] = gzip.compress(numbers.tobytes(), 1)
        # A folder that is called like a chunk, and in which there is no array.
        objects[f"years/{i}/{i}"] = numbers.tobytes()
        made = io.BytesIO()
        with h5py.File(made, "w") as file:
            for j in range(4):
                file.create_dataset(f"{j}", data=numbers, chunks=(10, 100), compression="gzip")
        objects[f"{i}.h5"] = made.getvalue()
        objects[f"{i}.parquet"] = (
            b"PAR1" + bytes(300_000) + (1 << 16).to_bytes(4, "little") + b"PAR1"
        )
    return objects
