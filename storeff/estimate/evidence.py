"""What an estimator answers about all the data: storeff.estimate.reduction makes a report of it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from storeff.estimate.compression import Allocation
from storeff.estimate.every import EveryChunk
from storeff.estimate.extents import ExtentSample
from storeff.estimate.sharing import Roots
from storeff.quantity import Quantity
from storeff.scan.plan import Chunker


class Evidence(ABC):
    """What was measured of ``data_bytes``, those of each source root in ``roots_bytes``.

    ``sample`` are the extents that were read, None if everything was; ``every`` the windows drawn
    from all the data. A sample estimates compression better than duplicates:
    ``compression_is_surer``. Of a scan that ``is_cut`` short only the windows are of all the data.
    Figures are bytes, unless said otherwise.
    """

    sample: ExtentSample | None = None
    every: EveryChunk | None = None
    compression_is_surer = False
    is_cut = False

    def __init__(
        self, chunkers: Sequence[Chunker], data_bytes: int, roots_bytes: Mapping[bytes, int]
    ) -> None:
        self.chunkers = {c.name: c for c in chunkers}
        self.data_bytes = data_bytes
        self.roots_bytes = roots_bytes

    @abstractmethod
    def counts(self, chunker: Chunker) -> tuple[int, int, int]:
        """Chunks that were cut, bytes in constant runs, and rows of the sketch."""

    @abstractmethod
    def codecs(self, chunker: Chunker) -> list[str]:
        """The codecs that distinct chunks of ``chunker`` were compressed with."""

    @abstractmethod
    def compressed(self, chunker: Chunker, codec: str) -> tuple[int, int]:
        """How many distinct chunks were compressed with ``codec``, one of ``codecs``, and how many
        were looked at with anything."""

    @abstractmethod
    def distinct(self, chunker: Chunker, codec: str | None = None) -> Quantity:
        """Distinct chunks and constant runs, each once: as they are, or compressed."""

    @abstractmethod
    def labelled(self, chunker: Chunker, codec: str | None, labels: int, of: Quantity) -> Quantity:
        """Distinct chunks without runs, as in ``distinct``, of a part of the data: ``of`` bytes,
        which have any of ``labels``, a bit set."""

    @abstractmethod
    def growth(self, chunker: Chunker, codec: str, shares: Sequence[float]) -> list[Quantity]:
        """Distinct compressed chunks of a random share of the data, for each of ``shares``."""

    @abstractmethod
    def without_dedup(self, chunker: Chunker, codec: str, space: Allocation) -> Quantity | None:
        """All chunks of ``chunker``, as often as they occur, compressed. None if that was not
        looked at, or the units that they take were not counted."""

    @abstractmethod
    def taken_bytes(self, space: Allocation) -> int | None:
        """What all data takes in ``space`` without compression; None if that was not counted."""

    @abstractmethod
    def class_bytes(self, label: int) -> Quantity | None:
        """Data in the content class of ``label``, a bit set; None if none was observed."""

    @abstractmethod
    def roots(self, chunker: Chunker) -> Roots:
        """What the source roots hold of the chunks of ``chunker``, as ``labelled`` counts them."""

    @abstractmethod
    def estimator(self, is_exact: bool) -> str:
        """The name of the estimator, given whether all its figures are exact."""

    @abstractmethod
    def chunk_stream(self) -> str:
        """How the data was put together before it was cut."""

    def standard_errors(self) -> dict[str, float]:
        """By figure, how many standard errors wide its interval is, where that was calibrated."""
        return {}

    def more_reading(self, chunker: Chunker, codec: str) -> list[tuple[int, float]]:
        """Bytes read in all, and the width of the interval, per byte of data, that is then left."""
        return []
