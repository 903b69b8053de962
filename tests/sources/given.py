"""Words of the tests of this room: files as providers send them."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings

RECEIVED = datetime(2026, 1, 10, 3, 0, tzinfo=UTC)
CANONICAL = "meter_id,timestamp,kwh"
CELLS = [f"elcp_use_{minute // 60:02d}{minute % 60:02d}" for minute in range(15, 1441, 15)]


def examples(few: int, *, full: int, parent: settings | None = None) -> settings:
    """So many examples of a property: few in `make test`, more with the profile `full`, which `make test-full` takes."""
    thorough = settings.get_current_profile_name() == "full"
    return settings(parent, max_examples=full if thorough else few)


def put(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write text, packed where the name ends in .gz."""
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def hours(count: int = 24, meter: str = "m", day: str = "2025-03-01", value: float = 5.0) -> list[str]:
    """Hourly rows of a day from midnight, each one kWh more than the one before."""
    return [f"{meter},{day} {hour:02d}:00:00,{value + hour}" for hour in range(count)]


def day_line(meter: str, industry: str, day: str, values: object = 1.5) -> str:
    """A line of the Korean wide format; one value stands for all 96."""
    texts = values if isinstance(values, list) else [values] * 96
    return ",".join([meter, industry, "산업용", day, *map(str, texts)])


def wide_text(*lines: str) -> str:
    return "\n".join([",".join(["업체코드", "업종", "계약종별", "meter_dd", *CELLS]), *lines]) + "\n"


def put_workbook(path: Path, rows: list[list[str]]) -> Path:
    """A workbook of one sheet: texts in the first two columns, numbers in the third below the first row."""
    return put_sheets(
        path, {"s": [[cell if at < 2 or not number else float(cell) for at, cell in enumerate(row)] for number, row in enumerate(rows)]}
    )


def put_sheets(path: Path, sheets: Mapping[str, Sequence[Sequence[str | float]]], hidden: Sequence[str] = ()) -> Path:
    """A workbook of several sheets by name, some of them hidden; cells are texts or numbers, empty texts are left out."""
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006"
    package, kind = "http://schemas.openxmlformats.org/package/2006", "application/vnd.openxmlformats-officedocument.spreadsheetml"
    names = [f"s{number}" for number in range(1, len(sheets) + 1)]
    with zipfile.ZipFile(path, "w") as book:
        parts = [("workbook", "sheet.main"), *((name, "worksheet") for name in names)]
        kinds = "".join(f'<Override PartName="/xl/{part}.xml" ContentType="{kind}.{one}+xml"/>' for part, one in parts)
        default = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        book.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{default}{kinds}</Types>')
        links = {"_rels/.rels": [("officeDocument", "xl/workbook")], "xl/_rels/workbook.xml.rels": [("worksheet", name) for name in names]}
        for place, targets in links.items():
            each = "".join(
                f'<Relationship Id="r{n}" Type="{office}/relationships/{what}" Target="{target}.xml"/>'
                for n, (what, target) in enumerate(targets, 1)
            )
            book.writestr(place, f'<Relationships xmlns="{package}/relationships">{each}</Relationships>')
        states = {name: ' state="hidden"' if name in hidden else "" for name in sheets}
        link = f'xmlns:r="{office}/relationships"'
        listed = "".join(f'<sheet name="{name}" sheetId="{n}"{states[name]} r:id="r{n}" {link}/>' for n, name in enumerate(sheets, 1))
        book.writestr("xl/workbook.xml", f'<workbook xmlns="{main}"><sheets>{listed}</sheets></workbook>')
        for part, rows in zip(names, sheets.values(), strict=True):
            lines = "".join(_sheet_row(number, row) for number, row in enumerate(rows, start=1))
            book.writestr(f"xl/{part}.xml", f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData></worksheet>')
    return path


def _sheet_row(number: int, row: Sequence[str | float]) -> str:
    cells = ""
    for column, value in zip("ABCDEFGHIJ", row, strict=False):
        place = f'r="{column}{number}"'
        if isinstance(value, float):
            cells += f"<c {place}><v>{value}</v></c>"
        elif value:
            cells += f'<c {place} t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<row r="{number}">{cells}</row>'
