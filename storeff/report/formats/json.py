"""The report itself, in the schema of this version."""

import msgspec

from storeff.report.model import SCHEMA_VERSION, Report, to_json

IS_TEXT = True


def render(report: Report) -> bytes:
    """The whole document."""
    return to_json(msgspec.structs.replace(report, schema_version=SCHEMA_VERSION))
