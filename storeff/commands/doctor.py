"""storeff doctor: whether this machine can do the job, and with what."""

import click

from storeff.commands import EXIT_OK


@click.command(
    epilog="""\b
Example:
  storeff doctor


\b
Exit codes:
  0 everything works   1 something does not: the line says what and why"""
)
def command() -> int:
    """Check the native core, the codecs and the erasure-code library by using each of them."""
    from storeff.report.doctor import checks
    from storeff.report.page import Paragraph
    from storeff.report.terminal import show

    failed = 0
    for name, passed, detail in checks():
        show(Paragraph(f"{'ok    ' if passed else 'FAILED'} {name}: {detail}"))
        failed += not passed
    return 1 if failed else EXIT_OK
