"""What is to be sized: layouts, drives, a site, and on what terms they are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import msgspec

from storeff.data import Assumption
from storeff.economics import Scenario
from storeff.errors import UsageError, pick
from storeff.layout.credit import POLICY, Policy
from storeff.report.sizing import HEADLINE_SYSTEM
from storeff.scan.plan import Plan, Similarity, TableName, cells_of
from storeff.scan.plan import table as plan_table

POLICIES: dict[str, Policy] = {name: name for name in get_args(Policy)}
# What object stores are sold with (Backblaze and Amazon S3 state eleven nines a year).
DURABILITY_NINES = 11.0
# A hundred times the data; more was meant as a percentage.
ADDED_MOST = 100.0
# What the first line is about where no layout is named: a plain code with the middle of what is
# published of fill limits, metadata and reserves, and compression alone.
REFERENCE_LAYOUT = "reference-10-4"


@dataclass(frozen=True)
class Storage:
    """What to size: ``layouts`` by name (all that run on the drive, if none is named), on one kind
    of drive at one site. ``catalogues`` is a directory with files of the caller's own,
    ``own_layouts`` one file with layouts beside those of the catalogue.

    Every system is credited with what it can be configured to remove, what it removes as it is
    ``"shipped"``, or ``"none"``. Each layout is given the parity that it takes to lose an object in
    a year with a probability of 10 to the minus ``durability_nines``, as far as the system can be
    configured so; None takes the parity that it is catalogued with. The data grows by ``growth`` of
    itself until the storage is full, and older states of it add ``snapshots`` of it.

    Raises UsageError for an unknown name, StoreffError for a catalogue that is wrong and for a
    layout that does not run on the drive.
    """

    layouts: Sequence[str] = ()
    drive: str = "qlc-122"
    site: str = "colocation-us"
    catalogues: Path | None = None
    reduction: Policy = POLICY
    durability_nines: float | None = DURABILITY_NINES
    growth: float = 0.0
    snapshots: float = 0.0
    own_layouts: Path | None = None
    files: Mapping[str, Path] = field(init=False, repr=False, compare=False)
    reference: str | None = field(init=False, repr=False, compare=False)
    scenarios: tuple[Scenario[Assumption], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        from storeff.economics.catalogues import build_scenarios, own_catalogues

        for name in ("growth", "snapshots"):
            if not 0 <= getattr(self, name) <= ADDED_MOST:
                raise UsageError(
                    f"{name} of {getattr(self, name) * 100:g} % cannot be sized for",
                    f"give 0 % to {ADDED_MOST * 100:,.0f} %",
                    name,
                )
        files = own_catalogues(self.catalogues)
        if self.own_layouts is not None:
            if "layouts" in files:
                raise UsageError(
                    f"{files['layouts']} and {self.own_layouts} both hold layouts of your own",
                    "put all of them into one file",
                    "own-layouts",
                )
            files["layouts"] = self.own_layouts
        made = build_scenarios(
            self.layouts,
            drive=self.drive,
            site=self.site,
            files=files,
            policy=pick(POLICIES, self.reduction, "reduction"),
            growth=self.growth,
            snapshots=self.snapshots,
        )
        names = [each.layout.name for each in made]
        reference = REFERENCE_LAYOUT if REFERENCE_LAYOUT in names else None
        # A frozen dataclass has no other way to complete itself.
        for name, value in (
            ("reference", self.layouts[0] if self.layouts else reference),
            ("layouts", (*self.layouts,)),
            ("files", files),
            ("scenarios", (*made,)),
        ):
            object.__setattr__(self, name, value)


# What may be compressed for a report, and how precisely. Below a thousandth it is the sketch that
# decides how sure a figure is, not what is compressed: 65,536 chunks leave 0.4 % of a count. Above
# a fifth two layouts that differ by a drive in five look alike.
TABLES: dict[str, TableName] = {name: name for name in get_args(TableName)}
PRECISION_LEAST, PRECISION_MOST = 0.001, 0.2


def plan_of(
    seed: int, similarity: bool, table: str, precision: float, storage: Storage | None
) -> Plan:
    """What is measured for these arguments of ``measure``."""
    chosen = pick(TABLES, table, "table")
    if not PRECISION_LEAST <= precision <= PRECISION_MOST:
        raise UsageError(
            f"a precision of {precision * 100:g} % cannot be asked for",
            f"ask for {PRECISION_LEAST * 100:g} % to {PRECISION_MOST * 100:g} %",
            "precision",
        )
    scenarios = storage.scenarios if storage else ()
    systems = [each.layout.reduction or HEADLINE_SYSTEM for each in scenarios]
    wanted = [
        cell for each in systems for cell in cells_of(each.dedup, each.codec, each.block_bytes)
    ]
    return Plan(
        seed=seed,
        probed=plan_table(chosen, wanted),
        precision=precision,
        similarity=Similarity() if similarity else msgspec.UNSET,
    )
