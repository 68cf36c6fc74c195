"""Whether stripes last as long as the Markov chain says: they are simulated, event by event.

Drives fail and are repaired at exponential times, at rates far above those of the world, so that
stripes are lost. What is lost is decided by the rank of the matrix that the library encodes with,
pattern by pattern; the chain knows how many fragments are lost, and nothing of which. The same
chain over all patterns, solved in doubles, shows what that leaves out: nothing for replicas and RS;
of an LRC, that patterns which a repair left are not equally likely. That matters where stripes in
danger go back and forth between failures and repairs, and less the rarer failures are.

    python bench/accuracy/durability_events.py -o bench/results/DATE-durability_events.json
"""

import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from pyeclib.ec_iface import ECDriver

from storeff.layout import Code
from storeff.layout.durability import mean_hours_to_loss
from storeff.layout.generator import (
    Matrix,
    check_matrix,
    parity_matrix,
    undecodable,
    unit_segment,
)
from storeff.scan.machine import cpu_name

# Chance moves the mean of a simulation by more than this many standard errors once in 370.
ERRORS_MOST = 3.0

Lost = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """Rates for each hour: of failures of a drive, and of repairs with one fragment lost, two, ...

    ``unreadable`` is the probability that a repair meets an unreadable sector.
    """

    code: Code
    failures: float
    repairs: tuple[float, ...]
    unreadable: float = 0.0

    def repair(self, lost: int) -> float:
        return self.repairs[min(lost, len(self.repairs)) - 1] if lost else 0.0


CASES = (
    Case(Code("replica", 1, 2), 0.01, (0.3,)),
    Case(Code("replica", 1, 2), 0.01, (0.1, 0.6)),
    Case(Code("rs", 4, 2), 0.01, (0.5,)),
    Case(Code("rs", 4, 2), 0.01, (0.2, 1.0)),
    Case(Code("rs", 6, 3), 0.01, (0.2, 0.6)),
    Case(Code("rs", 6, 3), 0.01, (0.1, 0.4, 1.0)),
    Case(Code("lrc", 6, 2, 2), 0.01, (0.5,)),
    Case(Code("lrc", 6, 2, 2), 0.01, (0.2, 0.6)),
    Case(Code("replica", 1, 2), 0.01, (0.2, 0.6), 0.1),
    Case(Code("rs", 4, 2), 0.01, (0.2, 1.0), 0.05),
    Case(Code("lrc", 6, 2, 2), 0.01, (0.2, 0.6), 0.05),
)


@dataclass(frozen=True)
class Row:
    """Mean hours to the loss of a stripe: by the chain, by that over all patterns, and simulated.

    ``chain_apart`` and ``pattern_chain_apart`` are how much longer stripes lasted than these say,
    in standard errors. ``chain_short`` is the share by which the chain falls short of that over all
    patterns, ``chain_short_at_tenth`` the same at a tenth of the failure rate.
    """

    code: str
    failures_per_hour: float
    repairs_per_hour: tuple[float, ...]
    unreadable: float
    stripes: int
    chain_hours: float
    pattern_chain_hours: float
    simulated_hours: float
    standard_error_hours: float
    chain_apart: float
    pattern_chain_apart: float
    chain_short: float
    chain_short_at_tenth: float


def survivors(code: Code) -> Lost:
    """Whether each set of lost fragments decodes, by its bits."""
    check = check_matrix(matrix_of(code))
    bits = np.arange(1 << code.fragments)[:, None] >> np.arange(code.fragments) & 1
    lost = bits.sum(axis=1)
    good = lost == 0
    for count in range(1, len(check) + 1):
        chosen = np.flatnonzero(lost == count)
        patterns = np.nonzero(bits[chosen])[1].reshape(len(chosen), count)
        good[chosen] = ~undecodable(check, patterns)
    found: Lost = good
    return found


def matrix_of(code: Code) -> Matrix:
    if code.kind == "replica":
        return np.ones((code.m, 1), np.uint8)
    local: dict[str, Any] = {"local_parity": code.l} if code.l else {}
    driver = ECDriver(
        ec_type="isa_l_rs_lrc" if code.l else "isa_l_rs_vand_inv",
        k=code.k,
        m=code.m + code.l,
        chksum_type="none",
        **local,
    )
    header_bytes = len(driver.encode(b"")[0])
    fragments = driver.encode(unit_segment(code.k))
    return parity_matrix([each[header_bytes:] for each in fragments], code.k)


def simulated(
    case: Case, good: Lost, stripes: int, draw: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Hours until each of ``stripes`` is lost."""
    n = case.code.fragments
    values = 1 << np.arange(n)
    repairs = np.array([case.repair(lost) for lost in range(n + 1)])
    hours = np.zeros(stripes)
    alive = np.arange(stripes)
    lost = np.zeros((stripes, n), bool)
    while len(alive):
        count = lost.sum(axis=1)
        failing = (n - count) * case.failures
        rate = failing + repairs[count]
        hours[alive] += draw.exponential(1, len(alive)) / rate
        fails = draw.random(len(alive)) * rate < failing
        each = np.arange(len(alive))
        # One of those that are there fails, or one of those that are lost is repaired.
        which = np.argmax(np.where(lost ^ fails[:, None], draw.random(lost.shape), -1), axis=1)
        # An unreadable sector is in one of those that are there when a repair begins.
        unreadable = ~fails & (draw.random(len(alive)) < case.unreadable)
        there = np.argmax(np.where(lost, -1, draw.random(lost.shape)), axis=1)
        fatal = unreadable & ~good[lost @ values | values[there]]
        lost[each, which] = fails
        left = good[lost @ values] & ~fatal
        alive, lost = alive[left], lost[left]
    return hours


def chain(case: Case) -> float:
    """Mean hours to loss as the product has them."""
    mean = mean_hours_to_loss(
        case.code,
        Fraction(case.failures),
        [Fraction(each) for each in case.repairs],
        Fraction(case.unreadable),
    )
    return float(mean)


def pattern_chain(case: Case, good: Lost) -> float:
    """Mean hours to loss of the chain whose states are the patterns that decode."""
    n = case.code.fragments
    states = np.flatnonzero(good)
    index = {int(pattern): i for i, pattern in enumerate(states)}
    rates = np.zeros((len(states), len(states)))
    for i, pattern in enumerate(map(int, states)):
        gone = [1 << f for f in range(n) if pattern >> f & 1]
        there = [1 << f for f in range(n) if not pattern >> f & 1]
        survived = [index[pattern | f] for f in there if pattern | f in index]
        repair = case.repair(len(gone))
        rates[i, i] = len(there) * case.failures + repair
        rates[i, survived] -= case.failures
        fatal = case.unreadable * (1 - len(survived) / len(there)) if there else 0
        for f in gone:
            rates[i, index[pattern ^ f]] -= repair / len(gone) * (1 - fatal)
    return float(np.linalg.solve(rates, np.ones(len(states)))[index[0]])


def compared(case: Case, stripes: int, draw: np.random.Generator) -> Row:
    good = survivors(case.code)
    hours = simulated(case, good, stripes, draw)
    mean, error = float(hours.mean()), float(hours.std(ddof=1)) / math.sqrt(stripes)
    by_count, by_pattern = chain(case), pattern_chain(case, good)
    tenth = replace(case, failures=case.failures / 10)
    return Row(
        code=str(case.code),
        failures_per_hour=case.failures,
        repairs_per_hour=case.repairs,
        unreadable=case.unreadable,
        stripes=stripes,
        chain_hours=by_count,
        pattern_chain_hours=by_pattern,
        simulated_hours=mean,
        standard_error_hours=error,
        chain_apart=(mean - by_count) / error,
        pattern_chain_apart=(mean - by_pattern) / error,
        chain_short=1 - by_count / by_pattern,
        chain_short_at_tenth=1 - chain(tenth) / pattern_chain(tenth, good),
    )


@click.command()
@click.option("--stripes", default=40_000, show_default=True, help="Simulated of each code.")
@click.option("--seed", default=1, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(stripes: int, seed: int, output: Path | None) -> None:
    """Simulate stripes of replicas, RS and LRC until they are lost."""
    click.echo(
        f"{'code':12} {'repairs/h':14} {'unreadable':>10} {'chain h':>9} {'pattern h':>9} "
        f"{'simulated':>9} {'error':>6} {'apart':>6} {'apart':>6} {'short':>6} {'at 1/10':>7}"
    )
    rows = []
    for number, case in enumerate(CASES):
        row = compared(case, stripes, np.random.default_rng([seed, number]))
        rows.append(row)
        click.echo(
            f"{row.code:12} {', '.join(map(str, row.repairs_per_hour)):14} {row.unreadable:10g} "
            f"{row.chain_hours:9.1f} {row.pattern_chain_hours:9.1f} {row.simulated_hours:9.1f} "
            f"{row.standard_error_hours:6.1f} {row.chain_apart:+6.2f} "
            f"{row.pattern_chain_apart:+6.2f} {row.chain_short:6.2%} "
            f"{row.chain_short_at_tenth:7.2%}"
        )
    confirmed = {
        name: sum(abs(getattr(row, name)) <= ERRORS_MOST for row in rows)
        for name in ("chain_apart", "pattern_chain_apart")
    }
    for name, count in confirmed.items():
        click.echo(f"{name}: {count} of {len(rows)} within {ERRORS_MOST:g} standard errors")
    if output:
        document = {
            "date": date.today().isoformat(),
            "cpu": cpu_name(),
            "seed": seed,
            "confirmed": confirmed,
            "rows": [asdict(row) for row in rows],
        }
        output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
