"""An entry with a few of its numbers changed by a file that holds these alone."""

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from storeff.data.assumption import Assumption
from storeff.data.catalogue import decode_value, field_of, refuse, shown
from storeff.errors import did_you_mean

# What of a scenario may be changed and is no number, each as a whole.
CODE, PATH = "code", "price_path"
T = TypeVar("T", bound=msgspec.Struct)


def changed_by(given: T, table: dict[str, Any], file: Path, currency: str) -> T:
    """``given`` with the numbers that ``table`` of ``file`` has, in its form, in place of its own.

    A number keeps the path that it has; a bare one is the reader's own, money in ``currency``.
    Raises StoreffError with every mistake.
    """
    mistakes: list[str] = []
    made = _changed(given, table, "", currency, mistakes)
    refuse(file, mistakes)
    return made


def _changed(given: T, table: dict[str, Any], prefix: str, currency: str, mistakes: list[str]) -> T:
    fields = {field.name: field for field in msgspec.structs.fields(type(given))}
    found: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{prefix}.{shown(key)}" if prefix else shown(key)
        if key not in fields:
            mistakes.append(f"{path} is not a key{did_you_mean(key, fields)}")
            continue
        field, own = fields[key], getattr(given, key)
        before = len(mistakes)
        if isinstance(value, dict) and _is_part(own) and key != PATH:
            found[key] = _changed(own, value, path, currency, mistakes)
            continue
        if field_of(field.type) is None and key not in (CODE, PATH):
            mistakes.append(
                f"{path} is no number: numbers are changed, the {CODE} of a layout, and {PATH}"
            )
            continue
        may_be_unknown = isinstance(field.default, Assumption) and field.default.value is None
        made = decode_value(value, field.type, path, currency, may_be_unknown, mistakes)
        if len(mistakes) > before:
            continue
        if isinstance(made, Assumption) and isinstance(own, Assumption) and own.path:
            made = msgspec.structs.replace(made, path=own.path)
        found[key] = made if isinstance(made, Assumption) else msgspec.convert(made, field.type)
    return msgspec.structs.replace(given, **found)


def _is_part(own: Any) -> bool:
    """Whether it is a part of a scenario, which holds numbers or parts."""
    if not isinstance(own, msgspec.Struct) or isinstance(own, Assumption):
        return False
    parts = (getattr(own, name) for name in own.__struct_fields__)
    return any(isinstance(each, Assumption) or _is_part(each) for each in parts)
