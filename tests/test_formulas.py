"""The formulas that are written out compute what the bill computes: in Python and in JavaScript."""

import json
import math
import random
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import poisson
from support.bills import everything
from support.golden import assert_golden
from support.scenarios import LAYOUTS, OBJECTS, by_mtbf, changed, figures_of, scenario, somewhere

from storeff.data import NO_VALUE
from storeff.economics.bill import spares_needed
from storeff.economics.formulas import OPERATIONS_MOST, Formulas, Line, traced
from storeff.economics.written import javascript, sheet
from storeff.errors import StoreffError
from storeff.layout.symbol import Symbol, Trace

POINTS = 300 // len(LAYOUTS) + 1
GROWS = {"purchase__yearly_growth": "0.3", "purchase__drive_life_years": "3"}
WITHOUT = {"step", "label", "source", "drive"}


def same(found: Any, expected: Any, path: str) -> None:
    """Exactly; shares of the waterfall are whole bytes only in the report."""
    if path.endswith("share_bytes"):
        assert float(found) == pytest.approx(float(expected), rel=1e-9, abs=1.5), path
    elif isinstance(expected, float) and math.isnan(expected):
        assert math.isnan(found), path
    else:
        assert found == expected, path


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("objects", [None, OBJECTS], ids=["packed", "objects"])
def test_at_the_scenario_they_are_the_bill_exactly(name: str, objects: Any) -> None:
    given = scenario(name, objects)
    found, expected = traced(given).evaluate({}), figures_of(given)
    assert {path for path in expected if path.rpartition(".")[2] not in WITHOUT} >= set(found)
    for path, figure in found.items():
        same(figure, expected[path], path)


@pytest.mark.parametrize("name", LAYOUTS)
def test_at_random_inputs_they_are_the_bill_exactly_or_say_that_they_are_not(name: str) -> None:
    given, chance = scenario(name), random.Random(name)
    formulas = traced(given)
    inputs = {path: number for path, number in _numbers(given).items() if path in formulas.inputs}
    held = 0
    for _ in range(POINTS):
        values = {path: somewhere(number, chance) for path, number in inputs.items()}
        try:
            expected = figures_of(changed(given, values))
        except StoreffError:
            with pytest.raises(ValueError, match="other formulas"):
                formulas.evaluate(values)
            continue
        held += 1
        for path, figure in formulas.evaluate(values).items():
            same(figure, expected[path], path)
    assert held > POINTS / 2


def _numbers(given: Any) -> dict[str, Any]:
    from storeff.data import numbers_in

    return {number.path: number for number in numbers_in(given) if number.value is not None}


def test_an_input_that_asks_for_other_formulas_is_refused() -> None:
    with pytest.raises(ValueError, match="other formulas"):
        traced(scenario()).evaluate({"finance.default.years": Fraction(7)})


def test_an_unknown_price_makes_every_sum_unknown_until_it_is_given() -> None:
    given = scenario()
    unknown = changed(given, {"drives.qlc-122.price": None})
    formulas = traced(unknown)
    assert math.isnan(formulas.evaluate({})["bill.npv"])
    price = _numbers(given)["drives.qlc-122.price"].value
    found = formulas.evaluate({"drives.qlc-122.price": price})
    assert found["bill.npv"] == figures_of(given)["bill.npv"]


def test_an_unknown_that_would_bring_a_line_into_the_bill_is_no_input() -> None:
    cpus, price = (f"enclosures.flash-2u-24.{name}" for name in ("cpus", "cpu_price"))
    missing = changed(scenario(), {cpus: None, price: None})
    formulas = traced(missing)
    assert not {cpus, price} & formulas.inputs.keys()
    assert math.isnan(formulas.evaluate({})["bill.cpus"])
    assert formulas.evaluate({})["bill.npv"] == figures_of(missing)["bill.npv"]
    # With the other of the two known the line is in it, and this one makes its amount.
    unknown = traced(changed(scenario(), {cpus: None}))
    assert math.isnan(unknown.evaluate({})["bill.npv"])
    number = _numbers(scenario())[cpus].value
    assert unknown.evaluate({cpus: number})["bill.npv"] == figures_of(scenario())["bill.npv"]


def test_a_number_without_a_path_is_no_input() -> None:
    formulas = traced(scenario())
    assert set(formulas.inputs) <= set(_numbers(scenario()))
    assert NO_VALUE.path not in formulas.inputs


def test_no_line_is_long_and_each_rests_on_those_before_it() -> None:
    for name in LAYOUTS:
        done: set[Symbol] = set()
        for line in traced(scenario(name)).lines:
            waiting, operations = [line.node], 0
            while waiting:
                node = waiting.pop()
                operations += 1
                below = [x for x in node.operands if isinstance(x, Symbol)]
                waiting += [x for x in below if x not in done and x.function is not None]
            assert operations <= 3 * OPERATIONS_MOST, line.name
            done.add(line.node)


def test_what_is_written_is_as_recorded() -> None:
    made = sheet(traced(scenario("weka-16-2")))
    lines = [f"{cell.path}: {cell.name} = {cell.formula}" for cell in made.cells]
    assert_golden("formulas-weka-16-2.txt", "\n".join(lines) + "\n")


def test_every_cell_has_a_name_of_its_own_that_is_no_reference() -> None:
    made = sheet(traced(scenario("onefs-16-2")))
    names = [cell.name.lower() for cell in made.cells] + [n.lower() for n in made.inputs.values()]
    assert len(set(names)) == len(names)
    assert all("." in name for name in names)


def _node(script: str, tmp_path: Path) -> Any:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed: the JavaScript is not run")
    (tmp_path / "run.js").write_text(script)
    done = subprocess.run(
        [found, str(tmp_path / "run.js")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [*LAYOUTS, "by MTBF", "every line"])
def test_the_javascript_computes_the_same(name: str, tmp_path: Path) -> None:
    others = {"by MTBF": by_mtbf(scenario()), "every line": everything(**GROWS)}
    given = others[name] if name in others else scenario(name)
    chance = random.Random(name)
    formulas = traced(given)
    inputs = {path: number for path, number in _numbers(given).items() if path in formulas.inputs}
    points: list[dict[str, Fraction]] = [{}]
    points += [
        {path: somewhere(number, chance) for path, number in inputs.items()} for _ in range(12)
    ]
    sent = json.dumps([{path: float(value) for path, value in each.items()} for each in points])
    found = _node(
        f"{javascript(formulas)}\nconsole.log(JSON.stringify({sent}.map((x) => bill(x))));",
        tmp_path,
    )
    for point, figures in zip(points, found, strict=True):
        try:
            expected = figures_of(changed(given, {k: float(v) for k, v in point.items()}))
        except StoreffError:
            assert not figures["conditions"]
            continue
        assert figures.pop("conditions")
        assert figures["bill.drives"] == expected["bill.drives"]
        for path, figure in figures.items():
            if isinstance(figure, str):
                assert figure == expected[path], path
            elif figure is None:
                assert math.isnan(expected[path]), path
            elif path.endswith("share_bytes"):
                raw_bytes = float(expected["raw_bytes"])
                assert abs(figure - float(expected[path])) <= 1e-12 * raw_bytes + 1.5, path
            else:
                near = pytest.approx(float(expected[path]), rel=1e-12, abs=1e-12)
                assert figure == near, path


def test_null_is_unknown_in_javascript_and_not_zero(tmp_path: Path) -> None:
    written = javascript(traced(scenario()))
    found = _node(
        f"{written}\nconsole.log(JSON.stringify(bill({{'drives.qlc-122.price': null}})));", tmp_path
    )
    assert found["bill.npv"] is None
    assert found["bill.drives"] == figures_of(scenario())["bill.drives"]


MEANS = [0.0, 1e-9, 0.02, 0.7, 1.0, 3.5, 17.0, 100.25, 2345.6, 1e5, 654321.0, 1e6]
LEVELS = [0.0, 0.001, 0.3, 0.5, 0.9, 0.95, 0.99, 0.999, 0.999999]


def test_the_javascript_keeps_as_many_spares(tmp_path: Path) -> None:
    trace = Trace()
    mean, level = trace.input("mean", Fraction(10)), trace.input("level", Fraction(9, 10))
    node: Any = spares_needed(mean, level)
    formulas = Formulas({"spares": node}, (), (Line("spares", node),), trace.inputs)
    points = [{"mean": m, "level": p} for m in MEANS for p in LEVELS]
    script = f"{javascript(formulas)}\nconsole.log(JSON.stringify({json.dumps(points)}.map(bill)));"
    for point, found in zip(points, _node(script, tmp_path), strict=True):
        expected = max(0, poisson.ppf(point["level"], point["mean"])) if point["level"] else 0
        assert found["spares"] == expected, point
        assert math.ceil(spares_needed(point["mean"], point["level"])) == expected, point


def test_no_path_ends_a_script() -> None:
    hostile = '</script><script>alert(1)</script>\u2028*/"'
    trace = Trace()
    node: Any = trace.input(f"drives.{hostile}.price", Fraction(1)) * 2
    written = javascript(Formulas({"x": node}, (), (Line("x", node),), trace.inputs))
    assert "</script" not in written
    assert "\u2028" not in written
