"""storeff measures how far data reduces and carries the result to drives, power and money.

    measured = storeff.measure(["/data"])
    reduced = storeff.reduce(measured, target_bytes=50 * 10**18)
    sized = storeff.size(reduced, storeff.Storage(["ceph-ec-8-3"]))
    report = storeff.build_report(reduced, sized)

See ``storeff.analysis``, where these are. They are imported when they are first used.
"""

from typing import TYPE_CHECKING, Any

from storeff.errors import StoreffError

if TYPE_CHECKING:
    from storeff.analysis import (
        Measured,
        Reduced,
        Sampling,
        Sizing,
        Storage,
        bench,
        build_report,
        measure,
        read_report,
        reduce,
        size,
        size_scenario,
        to_json,
    )
    from storeff.dry_run import foresee
    from storeff.parts import measure_shard, merge, read_part

__version__ = "0.1.0"

__all__ = [
    "Measured",
    "Reduced",
    "Sampling",
    "Sizing",
    "Storage",
    "StoreffError",
    "bench",
    "build_report",
    "foresee",
    "measure",
    "measure_shard",
    "merge",
    "read_part",
    "read_report",
    "reduce",
    "size",
    "size_scenario",
    "to_json",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'storeff' has no attribute {name!r}")
    if name == "foresee":
        from storeff import dry_run

        return dry_run.foresee
    from storeff import analysis, parts

    return getattr(parts if hasattr(parts, name) else analysis, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
