"""Sheets of what was asked of a finished report: commitments, a guarantee, services."""

from storeff.economics.agreements import Commitment, Term
from storeff.economics.guarantee import Guarantee
from storeff.economics.services import Services
from storeff.quantity import Quantity
from storeff.report.model import Report
from storeff.report.workbook import Book, Cell, Column, Sheet

_WIDTHS = (34, 18, 18, 18, 18, 18, 18, 18)


def asked(book: Book, report: Report) -> None:
    """A sheet for each that the report has."""
    if report.commitment is not None:
        _commitment(book.sheet("Commitment", _WIDTHS), report.commitment, report.currency)
    if report.guarantee is not None:
        _guarantee(book.sheet("Guarantee", _WIDTHS), report.guarantee, report.currency)
    if report.services is not None:
        _services(book.sheet("Services", _WIDTHS), report.services)


def _ends(q: Quantity) -> tuple[Cell, Cell, Cell]:
    return q.value, q.low, q.high


def _commitment(sheet: Sheet, found: Commitment, currency: str) -> None:
    sheet.heading(f"Committing to drives for {found.layout}, on {found.terms} terms", large=True)
    three = (Column("bytes"), Column("point", "bytes"), Column("low (95 %)", "bytes"))
    sheet.table(
        (*three, Column("high (95 %)", "bytes")),
        [
            ("usage: what applications store", found.usage_bytes, None, None),
            ("capacity: raw drives, as measured", *_ends(found.capacity_bytes)),
            ("capacity with the demand", *_ends(found.need_bytes)),
            ("commitment", found.committed_bytes, None, None),
            ("commitment of least expected cost", found.best_bytes, None, None),
            ("commitment of least worst regret", found.steadiest_bytes, None, None),
        ],
    )
    sheet.space()
    sheet.table(
        (
            Column("form"),
            Column("best", "bytes"),
            Column(f"its expected cost, {currency}", "money"),
            Column(f"expected cost, {currency}", "money"),
            Column(f"paid ahead, {currency}", "money"),
            Column(f"revenue, certain, {currency}", "money"),
        ),
        [
            (
                each.form,
                each.best_bytes,
                each.best_expected_cost,
                each.expected_cost,
                each.paid_ahead,
                each.certain_revenue,
            )
            for each in found.forms
        ],
    )
    sheet.space()
    sheet.table(
        (
            Column("form"),
            Column("case"),
            Column(f"the buyer loses, {currency}", "money"),
            Column(f"the seller loses, {currency}", "money"),
        ),
        [
            (form.form, each.case, each.buyer, each.seller)
            for form in found.forms
            for each in form.burdens
        ],
    )
    sheet.space()
    sheet.table(
        (
            Column("commitment, of the capacity", "share"),
            Column("bytes", "bytes"),
            Column(f"expected cost, {currency}", "money"),
            Column(f"above the least, {currency}", "money"),
            Column(f"worst regret, {currency}", "money"),
        ),
        [
            (
                each.of_capacity,
                each.bytes,
                each.expected_cost,
                each.expected_regret,
                each.worst_regret,
            )
            for each in found.curve
        ],
    )
    if found.term is not None:
        _term(sheet, found.term, currency)


def _term(sheet: Sheet, term: Term, currency: str) -> None:
    months = term.period_months
    sheet.space()
    sheet.heading(f"Take-or-pay over {term.periods} periods of {months} months")
    sheet.table(
        (Column(f"over the term, {currency}"), Column("cost", "money")),
        [
            ("expected", term.expected_cost),
            ("P10", term.cost_p10),
            ("P50", term.cost_p50),
            ("P90", term.cost_p90),
            ("expected, without make-up and carry-forward", term.without_rights),
            ("expected, at the best commitment", term.best_expected_cost),
        ],
    )
    sheet.space()
    sheet.table(
        (
            Column("demand"),
            Column(f"the buyer loses, {currency}", "money"),
            Column(f"the seller loses, {currency}", "money"),
            Column(f"paid, {currency}", "money"),
        ),
        [(each.case, each.buyer, each.seller, each.paid) for each in term.cases],
    )
    sheet.space()
    sheet.table(
        (Column("over the term"), Column("size", "bytes")),
        [
            ("committed", term.committed_bytes),
            ("paid, taken or not", term.minimum_bytes),
            ("the best commitment", term.best_bytes),
            ("not taken, on average", term.short_bytes),
            ("made up, on average", term.made_up_bytes),
            ("carried forward, on average", term.carried_bytes),
            ("lapsed, on average", term.lapsed_bytes),
        ],
    )
    sizes = {name: name for name in ("need", "taken", "elsewhere", "carried", "lapsed")}
    sizes |= {"made_up": "made up", "short": "not taken"}
    sheet.space()
    sheet.table(
        (
            Column("demand, period"),
            *(Column(heading, "bytes") for heading in sizes.values()),
            Column(f"paid, {currency}", "money"),
        ),
        [
            (
                f"{case.case}: {each.number}",
                *(getattr(each, f"{name}_bytes") for name in sizes),
                each.paid,
            )
            for case in term.cases
            for each in case.periods
        ],
    )


def _guarantee(sheet: Sheet, found: Guarantee, currency: str) -> None:
    title = f"{found.promised_ratio:g}:1 guaranteed for {found.layout} on {found.drive} drives"
    sheet.heading(title, large=True)
    sheet.table(
        (Column("figure"), Column("value", "ratio")),
        [
            ("data reduction ratio, promised", found.promised_ratio),
            ("data reduction ratio, measured", found.measured_ratio.value),
            ("reached with 95 %", found.cautious_ratio),
            ("probability that it is missed", found.missed_probability),
        ],
    )
    sheet.space()
    money = f"present value, {currency}"
    rows = (
        ("missing: raw bytes", found.raw_bytes),
        ("missing: drives", found.drives),
        (f"missing: {money}", found.npv),
        *((f"{each.remedy}: the vendor pays, {currency}", each.vendor) for each in found.remedies),
        *((f"{each.remedy}: the buyer pays, {currency}", each.buyer) for each in found.remedies),
    )
    ends = (Column(name, "money") for name in ("point", "low (95 %)", "high (95 %)", "average"))
    sheet.table(
        (Column("what is missing"), *ends),
        [(name, *_ends(each.missing), each.expected) for name, each in rows],
    )


def _services(sheet: Sheet, found: Services) -> None:
    unit = f"{found.currency}/GB/month"
    sheet.heading(f"What services earn, in {unit}", large=True)
    sheet.table(
        (
            Column("service"),
            Column("layout"),
            Column("revenue", ""),
            Column("cost", ""),
            Column("margin", "share"),
            Column("published margin", "share"),
            Column("price needed", ""),
            Column("break-even reduction", "ratio"),
        ),
        [
            (
                service.title or service.name,
                each.layout or "at the stated cost",
                service.revenue_per_gb_month,
                each.cost_per_gb_month.value,
                each.margin.value,
                service.published_margin,
                each.required_price.value,
                each.breakeven_reduction,
            )
            for service in found.services
            for each in service.margins
        ],
    )
