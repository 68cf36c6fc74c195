"""LibreOffice, without a window, as the spreadsheet that computes what is written for one."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest

FOUND = shutil.which("soffice")
needs_office = pytest.mark.skipif(
    FOUND is None, reason="LibreOffice (soffice) is not installed: no sheet is computed"
)


def computed(books: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Every openpyxl workbook of ``books`` with the values that LibreOffice computes for it.

    openpyxl keeps no values of formulas, so that none can be taken over.
    """
    assert FOUND is not None
    given, made = folder / "given", folder / "made"
    given.mkdir()
    paths = [given / f"{name}.xlsx" for name in books]
    for path, book in zip(paths, books.values(), strict=True):
        book.save(path)
    done = subprocess.run(
        [
            *(FOUND, f"-env:UserInstallation=file://{folder}/profile", "--headless"),
            *("--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(made)),
            *map(str, paths),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert all((made / path.name).exists() for path in paths), done.stderr
    return {
        name: openpyxl.load_workbook(made / path.name, data_only=True)
        for name, path in zip(books, paths, strict=True)
    }


def cell_of(book: Any, name: str) -> Any:
    """The cell with a defined name."""
    ((sheet, where),) = book.defined_names[name].destinations
    return book[sheet][where.replace("$", "")]
