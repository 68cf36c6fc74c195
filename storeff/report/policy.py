"""A report against a policy: rules in TOML, each of which holds, fails, or cannot be decided.

A rule is decided by the 95 % interval of its figure, not by its point: it holds if all of the
interval is within the limit, fails if none of it is, and is inconclusive if the limit lies inside.
What is unknown is inconclusive too. So no build breaks over the error of a measurement, and none
passes by it.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, get_args

from storeff.data import read_toml, refuse
from storeff.errors import StoreffError, UsageError, did_you_mean
from storeff.quantity import Quantity
from storeff.report.figure_kinds import kind_of
from storeff.report.figures import known, with_bounds
from storeff.report.model import Report
from storeff.report.paths import find
from storeff.report.policy_model import Checked, Rule, Severity, Status
from storeff.text import escaped, excerpt
from storeff.units import counted

# The codes of storeff.report.warn, .incomplete and .kv; a test holds them equal.
CODES = (
    *("bad-lines", "beyond-scan", "below-floor", "holes", "imprecise", "interrupted"),
    *("listed-again", "no-data", "no-dedup-point", "no-reduction", "no-redundancy"),
    *("not-covered", "not-in-bill", "off-as-shipped", "price-bases", "price-break"),
    *("sampled", "several-clusters", "small-objects", "stale-assumptions", "too-little-read"),
    "unknown-price",
)
STALE_PRICES = "stale_prices"
SKIPPED_SHARE = "skipped_share"
_LIMITS = ("at_most", "at_least", "is")
_SHORT = {"stale_prices_at_most": STALE_PRICES, "skipped_share_at_most": SKIPPED_SHARE}
_KEYS = ("figure", *_LIMITS, *_SHORT, "forbid_warnings", "layout", "severity")
_SUBJECTS = ("figure", *_SHORT, "forbid_warnings")
_RULES_MAX = 1000


def check(report: Report, policy: Path) -> Checked:
    """Every rule of the TOML file ``policy`` on ``report``. Raises StoreffError with every mistake
    of the file."""
    table = read_toml(policy)
    mistakes: list[str] = []
    if not table:
        mistakes.append("it has no rule, so nothing would be checked: write [cost] and its limit")
    if len(table) > _RULES_MAX:
        mistakes.append(f"it has {len(table):,} rules, more than {_RULES_MAX:,}")
        table = {}
    rules = []
    for name, keys in table.items():
        try:
            rules.append(_rule(report, name, keys))
        except _RuleError as wrong:
            mistakes += [f"{escaped(name)}{each}" for each in wrong.mistakes]
    refuse(policy, mistakes)
    binding = [rule.status for rule in rules if rule.severity == "fail"]
    worst: tuple[Status, ...] = ("fail", "inconclusive")
    status: Status = next((each for each in worst if each in binding), "pass")
    return Checked(status=status, rules=tuple(rules))


class _RuleError(Exception):
    """What is wrong with one rule."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes


def _rule(report: Report, name: str, keys: Any) -> Rule:
    if not isinstance(keys, dict):
        raise _RuleError(f" is not a table: write it under [{escaped(name)}]")
    wrong = list(_mistakes(keys))
    severity: Severity = keys.get("severity", "fail")
    codes = keys.get("forbid_warnings")
    if codes is not None and not wrong:
        return _forbidden(report, name, severity, codes)
    short = next((key for key in _SHORT if key in keys), None)
    figure = _SHORT[short] if short else keys.get("figure")
    limits = [(key, keys[key]) for key in _LIMITS if key in keys]
    if codes is None and isinstance(figure, str) and (short or len(limits) == 1):
        direction, given = ("at_most", keys[short]) if short else limits[0]
        try:
            about = _about(report, figure, keys.get("layout"))
            if not wrong:
                return _judged(report, name, severity, about, direction, given)
            kind_of(about.path, report.currency).read(given)
        except UsageError as error:
            wrong.append(f".{'layout' if 'layout' in keys else 'figure'}: {_said(error)}")
        except StoreffError as error:
            wrong.append(f".{short or direction}: {_said(error)}")
    raise _RuleError(*wrong)


class _About(NamedTuple):
    """What a rule is about: ``value`` as it is in the report, ``q`` as a quantity."""

    path: str
    value: Any
    q: Quantity | None
    because: str | None


def _about(report: Report, figure: str, layout: Any) -> _About:
    if figure in (STALE_PRICES, SKIPPED_SHARE):
        if layout is not None:
            raise UsageError(f"{figure} is not of a layout")
        q, because = _of_whole(report, figure)
        return _About(figure, None if q is None else q.value, q, because)
    found = find(report, figure, layout if isinstance(layout, str) else None)
    q, because = found.interval()
    if found.value is not None and q is None and not isinstance(found.value, bool | Quantity):
        raise UsageError(f"{found.path} is no figure", "name one below it")
    return _About(found.path, found.value, q, because)


def _judged(
    report: Report, name: str, severity: Severity, about: _About, direction: Any, given: Any
) -> Rule:
    if direction == "is":
        return _is(name, severity, about, given)
    if isinstance(about.value, bool):
        raise StoreffError(f"{about.path} is {_plain(about.value)}, no number", "write is = true")
    kind = kind_of(about.path, report.currency)
    limit, q = kind.read(given), about.q
    decided: tuple[Status, str | None] = "inconclusive", about.because
    if q is not None:
        decided = _decided(q, direction, limit)
    status, because = decided
    if status == "inconclusive":
        because = about.because or because
    return Rule(
        name=name,
        severity=severity,
        status=status,
        path=about.path,
        direction=direction,
        limit=int(limit) if limit.denominator == 1 else float(limit),
        wanted=f"{direction.replace('_', ' ')} {kind.show(float(limit))}",
        value=None if q is None else q.value,
        low=None if q is None else q.low,
        high=None if q is None else q.high,
        figure=with_bounds(q, kind.show),
        because=because,
    )


def _mistakes(keys: dict[str, Any]) -> Iterator[str]:
    for key in keys:
        if key not in _KEYS:
            yield f".{escaped(key)} is not a key{did_you_mean(key, _KEYS)}"
    subjects = [key for key in _SUBJECTS if key in keys]
    if len(subjects) != 1:
        has = " and ".join(subjects) or "nothing to check"
        yield f" has {has}: give one of {', '.join(_SUBJECTS)}"
    limits = [key for key in _LIMITS if key in keys]
    if "figure" in subjects and len(limits) != 1:
        yield f" has {' and '.join(limits) or 'no limit'}: give one of {', '.join(_LIMITS)}"
    if "figure" not in subjects and limits:
        yield f".{limits[0]} belongs to a figure"
    for key in ("figure", "layout"):
        if key in keys and not isinstance(keys[key], str):
            yield f".{key} is not a text"
    severities = get_args(Severity)
    if keys.get("severity", "fail") not in severities:
        given = str(keys["severity"])
        yield f".severity is {excerpt(given)!r}{did_you_mean(given, severities)}: give fail or warn"
    if "forbid_warnings" in keys:
        yield from _code_mistakes(keys["forbid_warnings"])
        if "layout" in keys:
            yield ".layout: warnings are of the report"


def _code_mistakes(codes: Any) -> Iterator[str]:
    if not isinstance(codes, list) or not codes or not all(isinstance(c, str) for c in codes):
        yield '.forbid_warnings is no list of codes: write ["unknown-price"]'
        return
    for code in codes:
        if code not in CODES:
            nearest = did_you_mean(code, CODES)
            yield f".forbid_warnings: there is no warning {excerpt(code)!r}{nearest}"


def _said(error: StoreffError) -> str:
    return error.message + (f" ({error.remedy})" if error.remedy else "")


def _decided(q: Quantity, direction: str, limit: Fraction) -> tuple[Status, str | None]:
    """By the whole interval. Floats count as the decimals that they are written as."""
    low, high = (None if x is None else Fraction(str(x)) for x in (q.low, q.high))
    if low is None or high is None:
        return "inconclusive", "how sure the figure is, is unknown"
    if direction == "at_least":
        low, high, limit = -high, -low, -limit
    if high <= limit:
        return "pass", None
    if low > limit:
        return "fail", None
    return "inconclusive", "the limit lies within the interval of the figure"


def _is(name: str, severity: Severity, about: _About, wanted: Any) -> Rule:
    """A rule on what is true or false."""
    value = about.value
    if not isinstance(wanted, bool) or not isinstance(value, bool | None):
        raise StoreffError(
            f"{about.path} is not limited so",
            "write is = true or is = false of what is one or the other, at_most or at_least of a "
            "number",
        )
    return Rule(
        name=name,
        severity=severity,
        status="inconclusive" if value is None else "pass" if value == wanted else "fail",
        path=about.path,
        direction="is",
        limit=wanted,
        wanted=f"is {_plain(wanted)}",
        value=value,
        low=None,
        high=None,
        figure=known(value, _plain),
        because=about.because if value is None else None,
    )


def _plain(value: bool) -> str:
    return str(value).lower()


def _forbidden(report: Report, name: str, severity: Severity, codes: list[str]) -> Rule:
    has = sorted({warning.code for warning in report.warnings} & {*codes})
    return Rule(
        name=name,
        severity=severity,
        status="fail" if has else "pass",
        path=None,
        direction="forbid_warnings",
        limit=tuple(codes),
        wanted=f"no warning {', '.join(codes)}",
        value=None,
        low=None,
        high=None,
        figure=", ".join(has) or "none",
        because=None,
    )


def _of_whole(report: Report, figure: str) -> tuple[Quantity | None, str | None]:
    """Two counts over lists of the report, for which it has no figure of its own."""
    if figure == STALE_PRICES:
        return _stale_prices(report)
    return _skipped_share(report)


def _stale_prices(report: Report) -> tuple[Quantity | None, str | None]:
    """How many assumed prices are out of date; one without a date may be."""
    if not report.assumptions:
        return None, "the report has no assumptions"
    prices = [row for row in report.assumptions if row.unit[:3] == report.currency]
    stale = sum(row.stale is True for row in prices)
    undated = sum(row.stale is None for row in prices)
    unknown = f"{counted(undated, 'price')} without a date may be out of date too"
    return Quantity(stale, stale, stale + undated, "derived"), unknown if undated else None


def _skipped_share(report: Report) -> tuple[Quantity | None, str | None]:
    """The part of the listed bytes that was skipped; at least so much, where sizes are unknown."""
    scan = report.scan
    if scan is None:
        return None, "the report has no scan"
    if any(row.bytes is None for row in scan.skipped):
        return None, "the size of something that was skipped is unknown"
    skipped = sum(row.bytes or 0 for row in scan.skipped)
    if not scan.logical_bytes:
        return None, "nothing was listed"
    return Quantity.exact(float(Decimal(skipped) / scan.logical_bytes), "derived"), None
