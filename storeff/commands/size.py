"""storeff size: the later stages again, from a report or from typed-in figures."""

from pathlib import Path
from typing import Any

import click

from storeff.commands import EXIT_OK
from storeff.commands.options import own_catalogues, sizing_options


@click.command(
    epilog="""\b
Examples:
  storeff size report.json --target 80EB --layout rs-20-4 --drive qlc-245
  storeff size --scenario ex50.toml --json
\b
Exit codes:
  0 ok   1 error   2 usage"""
)
@click.argument("report", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--scenario",
    type=click.Path(dir_okay=False, path_type=Path),
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
    output: Path | None,
    as_json: bool,
) -> int:
    """Size storage from a REPORT that `scan` wrote, without reading the data again."""
    from datetime import UTC, datetime

    from storeff.commands.deliver import command_line, deliver, measured_layouts, today
    from storeff.economics import load_scenario
    from storeff.errors import StoreffError
    from storeff.report.build import assemble, describe_run
    from storeff.report.model import read_report
    from storeff.report.sizing import Sized

    if (report is None) == (scenario is None):
        raise click.UsageError("give either a REPORT or --scenario FILE")
    started = datetime.now(UTC)
    if scenario is not None:
        if target or layouts or data_dir:
            raise click.UsageError("--scenario holds everything: no --target, --layout or --data")
        typed = load_scenario(scenario)
        made = assemble(
            describe_run(command_line(), 1, started), today=today(), sized=[Sized(typed)]
        )
    else:
        assert report is not None
        earlier = read_report(report)
        reduction = earlier.reduction
        if reduction is None or not reduction.data_bytes:
            raise StoreffError(f"{report} measured no data", "size a report that `scan` wrote")
        if target is None and earlier.target is not None:
            target = earlier.target.bytes
        extra = own_catalogues(data_dir)
        sized: list[Any] = measured_layouts(
            reduction,
            reduction.data_bytes if target is None else target,
            layouts,
            drive=drive,
            site=site,
            extra=extra,
            seed=earlier.run.seed,
        )
        made = assemble(
            describe_run(
                command_line(),
                earlier.run.seed,
                started,
                earlier.run.kernel,
                earlier.run.plan_digest,
            ),
            today=today(),
            sized=sized,
            reference=layouts[0] if layouts else None,
            target_bytes=target,
            scan=earlier.scan,
            reduction=reduction,
            shelf_life=extra.get("shelf_life"),
        )
    deliver(made, as_json=as_json, output=output)
    return EXIT_OK
