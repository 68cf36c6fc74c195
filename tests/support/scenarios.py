"""Scenarios of every kind of layout, and the same at random values of their inputs."""

import math
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from storeff.data import NO_VALUE, Assumption, exact, map_numbers
from storeff.economics import Scenario, bill_for, build_scenario, in_cells
from storeff.layout import Data, Layout, ObjectSizes, SizeBin, load_layouts
from storeff.layout.number import ceil
from storeff.layout.waterfall import raw, step_factors, waterfall

# Files of 3 kB on average, and of 800 kB.
OBJECTS = ObjectSizes(
    data_bytes=703 * 10**6,
    bins=(SizeBin(4096, 1000, 3 * 10**6), SizeBin(1 << 20, 900, 700 * 10**6)),
)
# Of each kind of packing, code and cell one; measured parity where there is any.
LAYOUTS = (
    *("reference-10-4", "ceph-replica-3", "ceph-ec-8-3", "ceph-ec-8-3-fast", "weka-16-2"),
    *("azure-lrc-12-2-2", "vast-146-4", "minio-12-4", "ibm-ece-8-3", "onefs-16-2"),
    *("zfs-raidz2-8-2", "zfs-draid2-8-2", "hdfs-rs-6-3", "qumulo-6-4"),
)
_DIGITS = 10**6


def scenario(
    layout: str | Layout[Assumption] = "reference-10-4",
    objects: ObjectSizes | None = OBJECTS,
    **data: Any,
) -> Scenario[Assumption]:
    """A layout of the catalogue for 50 EB that reduce 1.3-fold; ``data`` in place of its own."""
    stated: dict[str, Any] = {"logical_bytes": 50 * 10**18, "reduction_ratio": Fraction(13, 10)}
    numbers: dict[str, Any] = {
        name: Assumption(path=f"data.{name}", value=Fraction(value))
        for name, value in (stated | data).items()
    }
    chosen = load_layouts()[layout] if isinstance(layout, str) else layout
    return build_scenario(Data(objects=objects, **numbers), chosen)


def by_mtbf(given: Scenario[Assumption]) -> Scenario[Assumption]:
    """``given`` with drives of which a mean time between failures is stated, and no rate."""
    hours = Assumption(path="drives.qlc-122.mtbf_hours", value=Fraction(2_500_000), unit="h")
    drive = msgspec.structs.replace(given.drive, afr=NO_VALUE, mtbf_hours=hours)
    return msgspec.structs.replace(given, drive=drive)


def somewhere(number: Assumption, chance: random.Random) -> Fraction:
    """A value within the range of ``number``, or within a fifth of it; whole where it is whole."""
    assert number.value is not None
    if number.path == "data.logical_bytes":
        return Fraction(chance.randint(10**12, 10**21))
    if number.path == "finance.default.years":
        return number.value
    low, high = number.range or (number.value * 4 / 5, number.value * 6 / 5)
    if number.value <= 1:
        high = min(high, Fraction(1))
    if number.value.denominator == 1 and number.value > 1:
        return Fraction(chance.randint(math.ceil(low), max(math.ceil(low), math.floor(high))))
    return low + (high - low) * Fraction(chance.randint(0, _DIGITS), _DIGITS)


def changed(
    given: Scenario[Assumption], values: Mapping[str, Fraction | float | None]
) -> Scenario[Assumption]:
    """``given`` with other values of the numbers at some paths."""

    def number(each: Assumption) -> Assumption:
        value = values.get(each.path, each.value)
        return msgspec.structs.replace(each, value=None if value is None else Fraction(value))

    made: Scenario[Assumption] = map_numbers(given, number)
    return made


def figures_of(given: Scenario[Assumption]) -> dict[str, Any]:
    """What the waterfall and the bill say of ``given``, by path."""
    run = map_numbers(in_cells(given), exact)
    factors = step_factors(run.data, run.layout)
    found: dict[str, Any] = {"raw_bytes": ceil(raw(run.data.logical_bytes, factors))}
    found |= _flat("bill", bill_for(run))
    for step in waterfall(run.data, run.layout):
        found |= _flat(f"waterfall.{step.step}", step)
    return found


def _flat(path: str, value: Any) -> dict[str, Any]:
    if isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
        return {
            key: each
            for name in names
            for key, each in _flat(f"{path}.{name}", getattr(value, name)).items()
        }
    if isinstance(value, tuple):
        return {k: v for each in value for k, v in _flat(f"{path}.{each.year}", each).items()}
    return {path: value}
