"""The report's section on what was listed and read."""

from collections.abc import Mapping, Sequence

from storeff.report.model import (
    Ignored,
    Interrupted,
    ObjectRequests,
    ProbeSeconds,
    Scan,
    SizeCount,
    Skipped,
    StratumCount,
)
from storeff.scan.measurement import Measurement, entropy_bits_per_byte
from storeff.sources.census import Census, LeftOut
from storeff.sources.content import CLASSES
from storeff.sources.names import printable
from storeff.sources.object_client import Requests
from storeff.sources.skipped import MEANINGS, REMEDIES


def describe_scan(
    measured: Measurement,
    roots: Sequence[bytes],
    seconds: float,
    choice: str | None = None,
    interrupted: Interrupted | None = None,
    probe_seconds: Mapping[tuple[str, bool], float] | None = None,
    requests: Requests | None = None,
) -> Scan:
    """What ``measured`` covered of ``roots``, for the report; ``seconds`` it took, why it read that
    much, and what an interrupt cut short. ``probe_seconds`` are the CPU seconds of compressing, by
    chunker and whether that was of all occurrences; ``requests`` what object stores were asked."""
    census = measured.census
    strata: list[StratumCount] = []
    if measured.sampling is None:
        strata = _strata(measured)
    compress_seconds = None if probe_seconds is None else round(sum(probe_seconds.values()), 3)
    return Scan(
        sources=[printable(root) for root in roots],
        files=census.files,
        logical_bytes=census.size_bytes,
        allocated_bytes=census.allocated_bytes,
        read_bytes=measured.read_bytes,
        hole_bytes=measured.hole_bytes,
        coverage=measured.coverage,
        seconds=round(seconds, 3),
        cpu_seconds=round(measured.cpu_seconds, 3),
        compress_cpu_seconds=compress_seconds,
        probe_cpu_seconds=[
            ProbeSeconds(
                chunker=chunker,
                population="occurrences" if per_occurrence else "distinct",
                seconds=round(taken, 3),
            )
            for (chunker, per_occurrence), taken in sorted((probe_seconds or {}).items())
        ],
        choice=choice,
        interrupted=interrupted,
        requests=None if requests is None else ObjectRequests(**requests._asdict()),
        strata=strata,
        file_sizes=[
            SizeCount(below_bytes=1 << bits, files=count.files, logical_bytes=count.size_bytes)
            for bits, count in sorted(census.histogram.items())
        ],
        skipped=skipped_rows(census),
        ignored=ignored_rows(census),
    )


def _strata(measurement: Measurement) -> list[StratumCount]:
    classes = measurement.census.classes
    return [
        StratumCount(
            name=name,
            files=classes[name].files,
            logical_bytes=classes[name].size_bytes,
            data_bytes=int(measurement.class_bytes[bit]),
            bits_per_byte=entropy_bits_per_byte(measurement.histogram[bit]),
        )
        for bit, name in enumerate(CLASSES)
        if name in classes
    ]


def skipped_rows(census: Census) -> list[Skipped]:
    """What should have been measured and was not, by reason."""
    return [
        Skipped(
            reason=reason,
            files=left.entries,
            bytes=_bytes(left),
            remedy=REMEDIES[reason],
            examples=[printable(path) for path in left.examples],
        )
        for reason, left in sorted(census.skipped.items())
    ]


def ignored_rows(census: Census) -> list[Ignored]:
    """What was left out without loss or by request, by reason."""
    return [
        Ignored(
            reason=reason,
            files=left.entries,
            bytes=_bytes(left),
            meaning=MEANINGS[reason],
            examples=[printable(path) for path in left.examples],
        )
        for reason, left in sorted(census.ignored.items())
    ]


def _bytes(left: LeftOut) -> int | None:
    return None if left.unknown else left.size_bytes
