"""Words of the tests of this room: files as providers send them."""

from __future__ import annotations

import gzip
import zipfile
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
    """A workbook of one sheet: texts in the first two columns, numbers in the rest."""
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org/officeDocument/2006"
    package = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w") as book:
        kinds = "".join(
            f'<Override PartName="/xl/{part}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/>'
            for part, kind in [("workbook", "sheet.main"), ("s", "worksheet")]
        )
        relations = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        book.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{relations}{kinds}</Types>')
        for place, kind, target in [
            ("_rels/.rels", "officeDocument", "xl/workbook.xml"),
            ("xl/_rels/workbook.xml.rels", "worksheet", "s.xml"),
        ]:
            link = f'<Relationship Id="r1" Type="{office}/relationships/{kind}" Target="{target}"/>'
            book.writestr(place, f'<Relationships xmlns="{package}/relationships">{link}</Relationships>')
        sheets = f'<sheets><sheet name="s" sheetId="1" r:id="r1" xmlns:r="{office}/relationships"/></sheets>'
        book.writestr("xl/workbook.xml", f'<workbook xmlns="{main}">{sheets}</workbook>')
        lines = "".join(_sheet_row(number, row) for number, row in enumerate(rows, start=1))
        book.writestr("xl/s.xml", f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData></worksheet>')
    return path


def _sheet_row(number: int, row: list[str]) -> str:
    cells = ""
    for column, text in zip("ABC", row, strict=True):
        number_cell = column == "C" and number > 1
        place = f'r="{column}{number}"'
        cells += f"<c {place}><v>{text}</v></c>" if number_cell else f'<c {place} t="inlineStr"><is><t>{text}</t></is></c>'
    return f'<row r="{number}">{cells}</row>'
