"""The Korean wide format: a line per meter and day, a column per interval named by the time at which the interval ends."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.layout import Layout, Traits, column_form, require_columns
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.units import Unit
from ecoai_pipeline.sources.wide import WideLayout

# Providers name the leading columns in Korean or English; the names that are understood, the first being the one we write.
METER = ("cust_no", "업체코드", "고객번호", "company_code", "company", "customer", "meter_id")
INDUSTRY = ("industry", "업종", "업종명")
USAGE = ("usage_type", "계약종별", "용도", "사용용도")
DATE = ("meter_dd", "검침일자", "일자", "날짜")
_CELL = re.compile(r"elcp_use_(\d{2})(\d{2})")


def cell_names(interval_s: int) -> tuple[str, ...]:
    """Columns of a day by the ends of its intervals.

    >>> cell_names(900)[0], cell_names(900)[-1], len(cell_names(900))
    ('elcp_use_0015', 'elcp_use_2400', 96)
    """
    minutes = range(interval_s // 60, 24 * 60 + 1, interval_s // 60)
    return tuple(f"elcp_use_{minute // 60:02d}{minute % 60:02d}" for minute in minutes)


class Kepco:
    name = "kepco"
    about = "Korean wide file: cust_no/업체코드, industry/업종, usage_type/계약종별, meter_dd, elcp_use_0015 … elcp_use_2400"

    def recognises(self, header: Sequence[str]) -> bool:
        return any(_CELL.fullmatch(name.lower()) for name in header)

    def layout(self, opened: OpenFile) -> Layout:
        meter, date = _first(opened.header, METER), _first(opened.header, DATE)
        if meter is None or date is None:
            require_columns(opened, [names[0] for names, found in ((METER, meter), (DATE, date)) if found is None])
            raise AssertionError("unreachable: a column that no alias matches is missing")
        cells, interval_s = _cells(opened)
        industry, usage = _first(opened.header, INDUSTRY), _first(opened.header, USAGE)
        used = {meter, date, industry, usage, *cells}
        require_columns(opened, [name for name in used if name])
        traits = Traits(
            unit=Unit.KWH,
            interval_s=interval_s,
            fixed_interval=True,
            unmapped=tuple(name for name in opened.header if name not in used),
        )
        return WideLayout(opened.header, cells, meter, date, column_form(opened, date), industry, usage, interval_s, traits)


def _cells(opened: OpenFile) -> tuple[tuple[str, ...], int]:
    """The interval columns in the order of the day, as the file writes them, and their length in seconds."""
    found = {name.lower(): name for name in opened.header if _CELL.fullmatch(name.lower())}
    minutes = sorted(int(name[-4:-2]) * 60 + int(name[-2:]) for name in found)
    interval_s = 60 * min(int(gap) for gap in np.diff([0, *minutes]))
    if interval_s <= 0 or 86_400 % interval_s:
        raise IngestError(opened.file, f"the columns {min(found)} … {max(found)} do not divide the day into equal intervals")
    names = cell_names(interval_s)
    require_columns(opened, [found.get(name, name) for name in names])
    if extra := sorted(set(found) - set(names)):
        raise IngestError(opened.file, f"column {extra[0]!r} is the end of no {interval_s} s interval of the day; correct the header")
    return tuple(found[name] for name in names), interval_s


def _first(header: Sequence[str], names: Sequence[str]) -> str | None:
    return next((column for name in names for column in header if column.lower() == name), None)
