"""storeff size: the later stages again, from a report or from typed-in figures."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.options import own_catalogues, sizing_options
from storeff.commands.output import Output
from storeff.errors import StoreffError
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff size report.json --target 80EB --layout rs-20-4 --drive qlc-245
  storeff size --scenario ex50.toml --json

\b
Exit codes:
  0 ok   1 error   2 usage   3 the scan did not cover everything"""
)
@click.argument("report", required=False, type=click.Path(path_type=Path))
@click.option(
    "--scenario",
    type=click.Path(path_type=Path),
    help="TOML file with every input typed in; takes no REPORT and no other choice.",
)
@sizing_options
def command(
    report: Path | None,
    scenario: Path | None,
    target: int | None,
    layouts: tuple[str, ...],
    drive: str,
    site: str,
    data_dir: Path | None,
    output: Output | None,
    as_json: bool,
) -> int:
    """Size storage from a REPORT that `scan` wrote, without reading the data again."""
    check_address_space()
    from storeff.commands.deliver import check_output, command_line, deliver, today
    from storeff.economics import load_scenario
    from storeff.report.build import assemble, describe_run
    from storeff.report.sizing import Sized

    if (report is None) == (scenario is None):
        raise click.UsageError("give either a REPORT or --scenario FILE")
    started = datetime.now(UTC)
    if scenario is not None:
        given = click.get_current_context().get_parameter_source
        sources = [given(name) for name in ("target", "layouts", "drive", "site", "data_dir")]
        if ParameterSource.COMMANDLINE in sources:
            raise click.UsageError(
                "--scenario holds everything: no --target, --layout, --drive, --site or --data"
            )
        check_output(output, [scenario])
        typed = load_scenario(scenario)
        made = assemble(
            describe_run(command_line(), 1, started), today=today(), sized=[Sized(typed)]
        )
    else:
        assert report is not None
        extra = own_catalogues(data_dir)
        check_output(output, (report, *extra.values()))
        made = _sized_again(
            report, target, layouts, drive=drive, site=site, extra=extra, started=started
        )
    deliver(made, as_json=as_json, output=output)
    return EXIT_OK if made.complete else EXIT_NOT_COVERED


def _sized_again(
    path: Path,
    target: int | None,
    layouts: tuple[str, ...],
    *,
    drive: str,
    site: str,
    extra: dict[str, Path],
    started: datetime,
) -> Any:
    """The report in ``path`` with its layouts sized anew."""
    from storeff.commands.deliver import chosen_scenarios, command_line, today
    from storeff.report.build import assemble, describe_run
    from storeff.report.model import read_report
    from storeff.report.sizing import sized_for, supports_sizing

    earlier = read_report(path)
    scenarios = chosen_scenarios(layouts, drive=drive, site=site, extra=extra)
    reduction = earlier.reduction
    if reduction is None or not reduction.data_bytes:
        raise StoreffError(
            f"{path} measured no data, so there is nothing to size",
            "size a report that `storeff scan` wrote of files that hold data",
        )
    if not supports_sizing(reduction):
        raise StoreffError(
            f"{path} does not say how far the data shrinks: too little of it was read",
            "scan again and read more: --sample 100%, or a larger --sample or --time-budget",
        )
    if target is None and earlier.target is not None:
        target = earlier.target.bytes
    if target is None and not layouts:
        raise click.UsageError(
            "the report has no target: give --target, or --layout to size the scanned bytes"
        )
    logical_bytes = reduction.data_bytes if target is None else target
    run = earlier.run
    return assemble(
        describe_run(command_line(), run.seed, started, run.kernel, run.plan_digest),
        today=today(),
        sized=[
            sized_for(reduction, logical_bytes, each, run.seed, earlier.scan) for each in scenarios
        ],
        reference=layouts[0] if layouts else None,
        target_bytes=target,
        scan=earlier.scan,
        reduction=reduction,
        shelf_life=extra.get("shelf_life"),
    )
