"""The values of a config.json, each checked when it is taken. All of them are hostile."""

import json
from pathlib import Path
from typing import Any, TypeVar

from storeff.errors import StoreffError
from storeff.files import read_bounded
from storeff.kv.models.model import WIDTH_MAX
from storeff.text import excerpt

T = TypeVar("T")

# What to do where a config does not say enough, or says what is not known here.
DESCRIBE = "describe the layers of the model in a TOML file of your own, as the catalogue does"

# Quantised checkpoints list every tensor: the longest config.json seen has 3 MB.
_FILE_BYTES_MAX = 16 << 20


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file at ``path``.

    Infinity and NaN are let through: configs of Mamba models hold them. Raises StoreffError if
    it cannot be read, is longer than any config.json, or holds no object.
    """
    content = read_bounded(path, _FILE_BYTES_MAX, "config.json")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StoreffError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise StoreffError(f"{path} does not hold a JSON object", "give the config.json of a model")
    return document


def shown(value: Any) -> str:
    """A hostile value for a message: the start of a scalar, escaped; of a container its kind."""
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    return excerpt(repr(value), 60)


class Fields:
    """Values by name; ``None`` counts as absent. What was taken is remembered in ``taken``.

    ``defaults`` stand in for names the file does not have (null is having it); each one used is
    recorded in ``notes``. Every method takes several names of one thing and returns the first
    there."""

    def __init__(self, values: dict[str, Any], where: str, defaults: dict[str, Any]) -> None:
        self.values = values
        self.where = where
        self.defaults = defaults
        self.taken: set[str] = set()
        self.notes: list[str] = []

    def take(self, *names: str) -> tuple[str, Any]:
        """The first of ``names`` that has a value, and the value; ("", None) if none has."""
        self.taken.update(names)
        for name in names:
            if self.values.get(name) is not None:
                return name, self.values[name]
        for name in names:
            if name in self.defaults and name not in self.values:
                value = self.defaults[name]
                self.note(f"{name} is not in the file: {value}, the default of the architecture")
                return name, value
        return "", None

    def note(self, text: str) -> None:
        """Adds ``text`` to the notes, once."""
        if text not in self.notes:
            self.notes.append(text)

    def wrong(self, name: str, value: Any, wanted: str) -> StoreffError:
        """The error for a value that is out of range or of another type."""
        return StoreffError(
            f"{self.where}: {name} is {shown(value)}, not {wanted}",
            "check that this is the config.json of a model",
        )

    def integer(self, *names: str, least: int = 1, most: int = WIDTH_MAX) -> int | None:
        """A whole number from ``least`` to ``most``, or None. Raises StoreffError on any other."""
        name, value = self.take(*names)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, value, f"a whole number from {least:,} to {most:,}")
        return value

    def needed(self, *names: str, least: int = 1, most: int = WIDTH_MAX) -> int:
        """``integer`` that must be there. Raises StoreffError naming it."""
        value = self.integer(*names, least=least, most=most)
        if value is None:
            raise StoreffError(
                f"{self.where} has no {' or '.join(names)}: the size of the KV cache depends on it",
                f"add {names[0]} from the card of the model, or {DESCRIBE}",
            )
        return value

    def flag(self, name: str) -> bool:
        """True or false; absent is false. Raises StoreffError on anything else."""
        return bool(self._typed(bool, "true or false", name))

    def text(self, *names: str) -> str | None:
        """A string, or None. Raises StoreffError on anything else."""
        return self._typed(str, "a string", *names)

    def list(self, *names: str) -> list[Any] | None:
        """A list, or None if absent or empty. Raises StoreffError on anything else."""
        return self._typed(list, "a list", *names) or None

    def table(self, name: str) -> "Fields | None":
        """A nested object, or None. Raises StoreffError on anything else."""
        value = self._typed(dict, "an object", name)
        return None if value is None else Fields(value, f"{self.where}: {name}", {})

    def _typed(self, kind: type[T], wanted: str, *names: str) -> T | None:
        name, value = self.take(*names)
        if value is not None and not isinstance(value, kind):
            raise self.wrong(name, value, wanted)
        return value
