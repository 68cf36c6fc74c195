"""Members of a zip archive that lie in it as they are, found without unpacking anything."""

import struct
import zipfile
from typing import NamedTuple

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import Candidate
from storeff.sources.formats.archives import TooLongError, Window
from storeff.text import excerpt

# A torch or numpy archive of a thousand layers has a directory of 200 kB.
_READ_BYTES_MAX = 8 << 20


class Member(NamedTuple):
    """Bytes [offset, offset + length) of the archive; ``stored`` is False if they are packed."""

    offset: int
    length: int
    stored: bool


def unsound(what: str) -> ContradictionError:
    """The error for an archive that contradicts itself."""
    return ContradictionError(f"not a sound zip archive: {what}")


def members(candidate: Candidate) -> dict[str, Member]:
    """The members by name, each checked against its own local header and the archive's size.

    Format: PKWARE's APPNOTE 6.3.10. Raises ContradictionError for an archive that is cut short, has
    two members of one name, members that overlap or ones that are encrypted.
    """
    try:
        # zipfile only reads the directory here; what it says is checked below.
        window = Window(candidate.read, candidate.size_bytes, _READ_BYTES_MAX)
        with zipfile.ZipFile(window) as archive:
            entries = archive.infolist()
    except TooLongError as error:
        raise unsound(f"a directory of {error}") from None
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError) as error:
        raise unsound(str(error)) from None
    found: dict[str, Member] = {}
    for entry in entries:
        if entry.filename in found:
            raise unsound(f"two members called {excerpt(entry.filename)!r}")
        if entry.flag_bits & 0x1:
            raise unsound(f"{excerpt(entry.filename)!r} is encrypted")
        offset = _data_offset(candidate, entry)
        stored = entry.compress_type == zipfile.ZIP_STORED
        if stored and entry.compress_size != entry.file_size:
            raise unsound(f"{excerpt(entry.filename)!r} is stored in another size than its own")
        if offset + entry.compress_size > candidate.size_bytes:
            raise unsound(f"{excerpt(entry.filename)!r} reaches past the end of the file")
        found[entry.filename] = Member(offset, entry.compress_size, stored)
    end = 0
    for name, member in sorted(found.items(), key=lambda item: item[1]):
        if member.offset < end:
            raise unsound(f"{excerpt(name)!r} lies over another member")
        end = member.offset + member.length
    return found


def _data_offset(candidate: Candidate, entry: zipfile.ZipInfo) -> int:
    """Where the data begins: the local header may be longer than the directory's (torch pads)."""
    header = candidate.read(entry.header_offset, 30) if entry.header_offset >= 0 else b""
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise unsound(f"{excerpt(entry.filename)!r} has no header where the directory says")
    lengths: tuple[int, int] = struct.unpack("<HH", header[26:30])
    name_bytes, extra_bytes = lengths
    start = entry.header_offset + 30
    # The directory's entry is named in one of two encodings; the header has the same bytes.
    encoding = "utf-8" if entry.flag_bits & 0x800 else "cp437"
    name = candidate.read(start, name_bytes)
    if name != entry.orig_filename.encode(encoding):
        raise unsound(f"{excerpt(entry.filename)!r} is another member by its own header")
    return start + name_bytes + extra_bytes
