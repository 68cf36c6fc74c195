"""Which format tells what is inside an object, by its content class."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from storeff.sources.entry import Entry
from storeff.sources.formats import (
    NONE,
    UNTOLD,
    Inside,
    Read,
    archives,
    arrow,
    parquet,
    tables,
    tensors,
)
from storeff.sources.formats.zarr import Arrays
from storeff.sources.source import Source

if TYPE_CHECKING:
    from storeff.sources.formats.hdf5 import Hdf5

# To add a format: its module, and a line here.
READERS: Final[dict[str, Callable[[Read, int], Inside]]] = {
    "parquet": parquet.inside,
    "arrow": arrow.inside,
    "orc": tables.orc,
    "avro": tables.avro,
    "safetensors": tensors.of_safetensors,
    "gguf": tensors.gguf,
    "numpy": tensors.numpy,
    "tar": archives.tar,
    "compressed": archives.compressed,
}
# Classes whose formats are made of entropy coding, or of what looks so, whatever wrote them.
CODED: Final = {"image": "its format", "audio-video": "its format", "encrypted": "encryption"}
# Classes of members that nothing finds much in.
CODED_MEMBERS: Final = frozenset((*CODED, "compressed"))
# Classes that are what they are because nobody compressed them.
PLAIN: Final = frozenset(("text", "json", "zero"))


def look_inside(content_class: str, read: Read, size_bytes: int) -> Inside:
    """What is inside an object of ``content_class``: nothing told of a class without a reader.

    Raises ContradictionError where the object is not what its beginning says, and what ``read``
    raises.
    """
    if content_class in CODED:
        return Inside(CODED[content_class], None)
    if content_class in PLAIN:
        return Inside(NONE, 1.0)
    reader = READERS.get(content_class)
    return UNTOLD if reader is None else reader(read, size_bytes)


class Looker:
    """``look_inside`` for objects of ``source``, one after the other, and what takes more than an
    object: chunks of Zarr, told by metadata beside, and HDF5, by a process. ``close`` it."""

    def __init__(self, source: Source) -> None:
        self.arrays = Arrays(source)
        self.hdf5: Hdf5 | None = None

    def inside(self, entry: Entry, content_class: str, read: Read) -> Inside:
        """What is inside ``entry``. Raises as ``look_inside`` does."""
        if content_class == "hdf5":
            if self.hdf5 is None:
                # Few scans meet one, and it takes subprocess.
                from storeff.sources.formats.hdf5 import Hdf5

                self.hdf5 = Hdf5()
            return self.hdf5.inside(read, entry.size_bytes)
        found = self.arrays.inside(entry, read)
        return look_inside(content_class, read, entry.size_bytes) if found is None else found

    def close(self) -> None:
        if self.hdf5 is not None:
            self.hdf5.close()
