"""The command line: one file a command, words to calls to exit code, no arithmetic."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

# The matrices here are small; each thread of this library maps 32 MB, and how many there are
# decides the last bits of a sum.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import click

import storeff
from storeff.errors import StoreffError, UsageError, did_you_mean

EXIT_OK = 0
EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_NOT_COVERED = 3
EXIT_POLICY_FAILED = 4
EXIT_INCONCLUSIVE = 5

COMMANDS = (
    *("scan", "merge", "bench", "kv", "size", "plan", "report", "compare", "check", "explain"),
    "verify",
    *("commit", "guarantee", "services", "layouts", "drives", "sites", "prices", "indices"),
    *("schema", "doctor"),
)
# By the code of an error, what on the command line does what its remedy says.
FLAGS = {
    "block-tokens": "--block-tokens",
    "checkpoint": "--checkpoint DIR",
    "divided-sample": "--sample 100%, or --shard",
    "drive": "--drive, --layout",
    "executor": "--executor",
    "endpoint": "--endpoint, or AWS_ENDPOINT_URL",
    "growth": "--growth",
    "snapshots": "--snapshots",
    "full-table": "storeff scan --table full, or with this --layout",
    "gpu": "--gpu",
    "gpus": "--gpus and --trace-gpus",
    "kernel": "--kernel, or STOREFF_KERNEL",
    "layout": "--layout",
    "rating": "--drive, --data",
    "resume": "--resume with --checkpoint DIR",
    "sampling": "--sample 100%, or a larger --sample or --time-budget",
    "scale": "--requests-per-second, or --gpus and --trace-gpus",
    "scenario": "--scenario FILE",
    "nul-separated": "--from0",
    "own-layouts": "--layouts, --data",
    "precision": "--precision",
    "share": "--sample 1%, or 64GiB",
    "similarity": "--similarity without --sample or --time-budget",
    "table": "--table",
    "terms": "--terms",
    "time-unit": "--time-unit",
}


def explained(error: StoreffError) -> tuple[str, str, int]:
    """What to say of ``error``, what to do about it, and the exit code."""
    flags = FLAGS.get(error.code)
    remedy = ": ".join(filter(None, (error.remedy, flags)))
    return error.message, remedy, EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR


@contextmanager
def importing() -> Iterator[None]:
    """Around the imports of a command. What they make stays: to look through it for what does not
    took a tenth of the smallest scan (2026-11-27)."""
    if gc.get_freeze_count():
        # They were made before, and frozen now would be whatever else there is.
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _Commands(click.Group):
    """Imports a command's module when it is asked for, so that --help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        if cmd_name not in COMMANDS:
            ctx.fail(f"no such command {cmd_name!r}{did_you_mean(cmd_name, COMMANDS)}")
        command = import_module(f"storeff.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command


@click.command(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  storeff scan /data --target 50EB
  storeff scan /data --target 50EB -o report.json
  storeff bench report.json --target 50EB
  storeff size report.json --target 80EB --layout rs-20-4

\b
Exit codes:
  0 ok   1 error   2 usage   3 finished, but something was not covered
  4 policy failed   5 policy inconclusive (storeff check)
  130 interrupted: what was measured is reported""",
)
@click.version_option(storeff.__version__, prog_name="storeff")
@click.pass_context
def cli(ctx: click.Context) -> int:
    """Measure how far data reduces, and what drives, power and money it will need."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    return EXIT_OK
