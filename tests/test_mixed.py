"""Scenarios between two others, and which numbers a bill rests on."""

import msgspec
from support.scenarios import scenario

from storeff.data import NO_VALUE, exact, map_numbers
from storeff.economics import bill_for, in_cells
from storeff.report.mixed import billed_numbers, differing, leaf, mixed

A, B = in_cells(scenario("reference-10-4")), in_cells(scenario("weka-16-2"))


def test_scenarios_differ_in_what_bills_rest_on_and_not_in_names() -> None:
    keys = set(differing(A, B))
    assert {"layout.code", "layout.fill_limit", "layout.cell_bytes"} <= keys
    assert not {"layout.name", "layout.title"} & keys
    assert not any(key.startswith(("drive.", "site.", "finance.")) for key in keys)
    assert set(differing(A, A)) == set()


def test_all_inputs_of_the_other_give_its_bill() -> None:
    given = mixed(A, B, set(differing(A, B)))
    whole = map_numbers(B, exact)
    # Lines that are not in the bill are NaN, which no NaN is equal to.
    assert repr(bill_for(map_numbers(given, exact))) == repr(bill_for(whole))
    assert mixed(A, B, set()) == A


def test_a_bill_rests_on_prices_and_not_on_what_made_its_raw_bytes() -> None:
    # Software is paid by what is left of the data, which rests on the steps again.
    keys = billed_numbers(msgspec.structs.replace(A, software=None))
    assert {"drive.price", "site.pue", "finance.years", "data.logical_bytes"} <= keys
    assert not {"layout.fill_limit", "layout.metadata", "data.reduction_ratio"} & keys
    # What is not known decides nothing.
    assert leaf(A, "layout.cell_bytes") == NO_VALUE
    assert "layout.cell_bytes" not in keys
    assert "layout.cell_bytes" in billed_numbers(B)


def test_a_part_that_only_one_has_is_one_input() -> None:
    layout = msgspec.structs.replace(A.layout, repair=None)
    without = msgspec.structs.replace(A, layout=layout)
    assert list(differing(without, A)) == ["layout.repair"]
    assert mixed(without, A, {"layout.repair"}) == A
