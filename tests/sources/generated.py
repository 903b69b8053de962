"""Files as people export them, made up from a seed, each with the readings that are right.

A file is drawn from delimiters × date forms × number forms × stamp conventions × encodings × what surrounds the table. `Made.needs`
names what nobody can see in the file (an ambiguous number or date, a stamp at the end, a zone): a reader may ask for it and must
not guess it.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import polars as pl

from tests.sources.given import put_sheets

HOME = "Asia/Seoul"
UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class DateForm:
    """A way to write the local time of a zone; `day_first` where day and month may be confused; `format` the strptime form that reads it.

    One that writes several cells has columns for the date and the time, or for each part of them. `instant` forms show the zone.
    """

    name: str
    write: Callable[[datetime], str | tuple[str, ...]]
    format: str
    day_first: bool | None = None
    instant: bool = False
    languages: tuple[str, ...] = ("en", "ko", "de")


def _half_day(t: datetime) -> str:
    return f"{t.month}/{t.day}/{t.year} {t.hour % 12 or 12}:{t:%M} {'AM' if t.hour < 12 else 'PM'}"


def _without_midnight(t: datetime) -> str:
    return f"{t:%Y-%m-%d}" if (t.hour, t.minute, t.second) == (0, 0, 0) else f"{t:%Y-%m-%d %H:%M:%S}"


def _offset(t: datetime) -> str:
    return f"{t:%Y-%m-%dT%H:%M:%S%z}"[:-2] + f":{t:%z}"[-2:]


def _korean_half_day(t: datetime) -> str:
    return f"{t:%Y-%m-%d} {'오전' if t.hour < 12 else '오후'} {t:%I:%M}"


def _named_offset(t: datetime) -> str:
    """The abbreviation of the zone; that of the other season is in no file of a few days, so it must mean one zone alone."""
    name = f"{t:%Z}"
    return f"{t:%Y-%m-%d %H:%M:%S} {name if name in ('KST', 'CET', 'CEST', 'EDT', 'CDT') else f'UTC{t:%z}'}"


def _midnight_as_24(t: datetime) -> str:
    """The end of a day as 24:00 of that day."""
    return f"{t - timedelta(days=1):%Y-%m-%d} 24:00:00" if (t.hour, t.minute, t.second) == (0, 0, 0) else f"{t:%Y-%m-%d %H:%M:%S}"


def _ticks(t: datetime) -> str:
    """Tenths of microseconds since the year 1 on the local clock."""
    return str((t.replace(tzinfo=None) - datetime(1, 1, 1)) // timedelta(seconds=1) * 10**7)


def _in_turn(t: datetime) -> str:
    return (f"{t:%Y-%m-%d %H:%M:%S}", f"{t:%Y/%m/%d %H:%M:%S}", f"{t:%Y-%m-%dT%H:%M:%S}", f"{t:%Y.%m.%d %H:%M:%S}")[t.day % 4]


_GERMAN_MONTHS = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember")
DATE_FORMS = (
    DateForm("iso", lambda t: f"{t:%Y-%m-%d %H:%M:%S}", "%Y-%m-%d %H:%M:%S"),
    DateForm("iso minutes", lambda t: f"{t:%Y-%m-%d %H:%M}", "%Y-%m-%d %H:%M"),
    DateForm("iso T", lambda t: f"{t:%Y-%m-%dT%H:%M:%S}", "%Y-%m-%dT%H:%M:%S"),
    DateForm("iso offset", _offset, "%Y-%m-%dT%H:%M:%S%#z", instant=True),
    DateForm("iso zulu", lambda t: f"{t.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", "%Y-%m-%dT%H:%M:%S%#z", instant=True),
    DateForm("epoch", lambda t: str(int(t.timestamp())), "epoch", instant=True),
    DateForm("midnight without time", _without_midnight, "%Y-%m-%d %H:%M:%S"),
    DateForm("slashes", lambda t: f"{t:%Y/%m/%d %H:%M}", "%Y/%m/%d %H:%M"),
    DateForm("dots", lambda t: f"{t:%Y.%m.%d %H:%M}", "%Y.%m.%d %H:%M"),
    DateForm("korean", lambda t: f"{t:%Y. %m. %d} {t:%H:%M}", "%Y. %m. %d %H:%M"),
    DateForm("compact", lambda t: f"{t:%Y%m%d%H%M}", "%Y%m%d%H%M"),
    DateForm("german", lambda t: f"{t:%d.%m.%Y %H:%M}", "%d.%m.%Y %H:%M"),
    DateForm("british", lambda t: f"{t:%d/%m/%Y %H:%M}", "%d/%m/%Y %H:%M", day_first=True),
    DateForm("british seconds", lambda t: f"{t:%d/%m/%Y %H:%M:%S}", "%d/%m/%Y %H:%M:%S", day_first=True),
    DateForm("dashes", lambda t: f"{t:%d-%m-%Y %H:%M}", "%d-%m-%Y %H:%M", day_first=True),
    DateForm("american", lambda t: f"{t:%m/%d/%Y %H:%M}", "%m/%d/%Y %H:%M", day_first=False),
    DateForm("american half days", _half_day, "%m/%d/%Y %I:%M %p", day_first=False),
    DateForm("ctime", lambda t: f"{t:%a %b} {t.day:2d} {t:%H:%M:%S %Y}", "%a %b %e %H:%M:%S %Y"),
    DateForm("half days with points", lambda t: _half_day(t).replace("AM", "a.m.").replace("PM", "p.m."), "mdy", day_first=False),
    DateForm("half days with a letter", lambda t: _half_day(t)[:-1], "mdy", day_first=False),
    DateForm("korean half days", _korean_half_day, "%Y-%m-%d %p %I:%M", languages=("ko",)),
    DateForm("epoch float", lambda t: f"{t.timestamp():.1f}", "epoch", instant=True),
    DateForm("epoch exponent", lambda t: f"{t.timestamp():.9e}", "epoch", instant=True),
    DateForm("epoch ms", lambda t: f"{t.timestamp() * 1000:.0f}", "epoch_ms", instant=True),
    DateForm("iso short offset", lambda t: f"{t:%Y-%m-%dT%H:%M%z}", "%Y-%m-%dT%H:%M%#z", instant=True),
    DateForm("utc suffix", lambda t: f"{t.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", "iso", instant=True),
    DateForm("named offset", _named_offset, "iso", instant=True),
    DateForm("iso week", lambda t: f"{t:%G-W%V-%u %H:%M}", "%G-W%V-%u %H:%M"),
    DateForm("24:00", _midnight_as_24, "%Y-%m-%d %H:%M:%S"),
    DateForm("named month", lambda t: f"{t:%d-%b-%Y %H:%M}", "%d-%b-%Y %H:%M"),
    DateForm("korean words", lambda t: f"{t.year}년 {t.month}월 {t.day}일 {t:%H:%M}", "%Y년 %m월 %d일 %H:%M", languages=("ko",)),
    DateForm("german month", lambda t: f"{t.day}. {_GERMAN_MONTHS[t.month - 1]} {t:%Y %H:%M}", "dmy", languages=("de",)),
    DateForm("compact blank", lambda t: f"{t:%Y%m%d %H%M}", "%Y%m%d %H%M"),
    DateForm("compact seconds", lambda t: f"{t:%Y%m%d%H%M%S}", "%Y%m%d%H%M%S"),
    DateForm("several forms", _in_turn, "iso"),
    DateForm("ticks", _ticks, "ticks"),
    DateForm("json date", lambda t: f"/Date({t.timestamp() * 1000:.0f})/", "json_date", instant=True),
    DateForm("epoch without zeros", lambda t: f"{t.timestamp():.7E}", "epoch", instant=True),
    DateForm("parts", lambda t: (str(t.year), str(t.month), str(t.day), str(t.hour), str(t.minute)), "%Y-%m-%d %H:%M"),
    DateForm("two columns", lambda t: (f"{t:%Y-%m-%d}", f"{t:%H:%M}"), "%Y-%m-%d %H:%M"),
    DateForm("two german columns", lambda t: (f"{t:%d.%m.%Y}", f"{t:%H:%M}"), "%d.%m.%Y %H:%M"),
)
_WITH_SECONDS = ("epoch", "epoch float", "epoch exponent", "epoch ms", "utc suffix", "named offset", "several forms", "ticks", "json date")
_ONE_TABLE = ("nothing", "sep", "preamble", "trailing", "total", "notes", "footer")
_STATING = ("iso", "iso T", "iso offset", "iso zulu", "midnight without time")
"""Forms that files with an interval or an end in each row have here."""
HEADERS = {
    "en": (("meter_id", "timestamp", "kwh"), ("meter", "datetime", "energy"), ("Meter", "Timestamp", "Usage")),
    "ko": (("계기번호", "일시", "사용량"), ("meter_id", "timestamp", "kwh")),
    "de": (("Zähler", "Zeitpunkt", "Verbrauch"), ("Zähler", "Zeit", "Wert")),
}
DATE_AND_TIME = {"en": ("date", "time"), "ko": ("일자", "시간"), "de": ("Datum", "Uhrzeit")}
PARTS = {
    "en": ("Year", "Month", "Day", "Hour", "Minute"),
    "ko": ("년", "월", "일", "시", "분"),
    "de": ("Jahr", "Monat", "Tag", "Stunde", "Minute"),
}
METERS = {"en": ("M1", "plant 7", "B-12"), "ko": ("금속1공장", "계량기2", "동력반"), "de": ("Halle Süd", "Werk Köln", "Übergabe")}
ENDS = {"en": ("interval_end", "EndTime", "To"), "ko": ("종료시각", "종료일시"), "de": ("bis", "Ende")}
"""Names of a column of stamps which say that they are ends."""
ENCODINGS = {
    "en": ("utf-8", "utf-8-sig", "utf-16"),
    "ko": ("utf-8", "utf-8-sig", "cp949", "cp949", "utf-16", "utf-16-le"),
    "de": ("utf-8", "utf-8-sig", "cp1252", "cp1252", "utf-16", "mac_roman", "cp850"),
}


@dataclass(frozen=True)
class Made:
    """A file and what it says.

    Attributes:
        readings: by meter, start in UTC and kWh.
        options: what a sender would say if asked: `columns` keys, and `zone`.
        needs: those of the options that the file does not show.
        marks: what was drawn, for the message of a failing test.
    """

    path: Path
    readings: dict[str, dict[datetime, float | None]]
    options: dict[str, str]
    needs: frozenset[str]
    marks: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Numbers:
    """A way to write numbers."""

    decimal: str
    group: str
    places: int

    def write(self, value: float) -> str:
        text = f"{value:,.{self.places}f}"
        return text.replace(",", "\0").replace(".", self.decimal).replace("\0", self.group)


def made(folder: Path, seed: int, *, own_meters: bool = False) -> Made:
    """The file of a seed; with `own_meters` no other seed's file has its meters."""
    draw = Random(seed)
    language = draw.choice(list(HEADERS))
    form = draw.choice([form for form in DATE_FORMS if language in form.languages])
    zone = draw.choice([HOME] * 6 + ["Europe/Berlin", "America/Chicago"])
    interval = draw.choice([900, 900, 1800, 3600])
    starts = _starts(draw, zone, interval)
    ends = draw.random() < 0.15 or form.name == "24:00"
    jitter = draw.choice([0] * 6 + [1, 2, 5]) if "%S" in form.format or form.name in _WITH_SECONDS else 0
    numbers = _numbers(draw)
    names = [f"{name} {seed}" if own_meters else name for name in draw.sample(METERS[language], draw.choice([1, 1, 2]))]
    scale = draw.choice([3.0, 40.0, 900.0, 25_000.0])
    readings = {name: {start: _reading(draw, scale, numbers.places) for start in starts} for name in names}
    cells = [(name, start, kwh) for name, series in readings.items() for start, kwh in series.items()]
    shift = timedelta(seconds=interval) if ends else timedelta()
    noise = [timedelta(seconds=_noise(draw, jitter, start != starts[0] or ends)) for _, start, _ in cells]
    stamps = [(start + shift + off).astimezone(ZoneInfo(zone)) for (_, start, _), off in zip(cells, noise, strict=True)]
    container = draw.choice([*["text"] * 8, "xlsx", "parquet"])
    around = _around(draw, container, names, asked=ends or form.day_first is not None)
    half = len(cells) // 2 if around == "joined in Wh" else len(cells)
    scaled = [kwh if kwh is None or at < half else kwh * 1000 for at, (_, _, kwh) in enumerate(cells)]
    texts = ["" if kwh is None else numbers.write(kwh) for kwh in scaled]
    if around == "joined in Wh" and (_ambiguous_numbers(texts) or _ambiguous_numbers(texts, ".")):
        around, texts = "nothing", ["" if kwh is None else numbers.write(kwh) for _, _, kwh in cells]
    meter, when, kwh = draw.choice(HEADERS[language])
    written = [form.write(stamp) for stamp in stamps]
    times = [[one] if isinstance(one, str) else list(one) for one in written]
    rows = [[name, *time, text] for (name, _, _), time, text in zip(cells, times, texts, strict=True)]
    columns = [when] if len(times[0]) == 1 else list((DATE_AND_TIME if len(times[0]) == 2 else PARTS)[language])
    named_end = ends and len(columns) == 1 and around != "columns" and draw.random() < 0.5
    if named_end:
        columns = [draw.choice(ENDS[language])]
    header, extra = [meter, *columns, kwh], {}
    stated = draw.choice(["", "", "interval", "end"]) if not ends and form.name in _STATING and around in _ONE_TABLE else ""
    if stated:
        header, extra = [meter, *columns, "lasts", kwh], {stated: "lasts"}
        for row, (_, start, _) in zip(rows, cells, strict=True):
            end = (start + timedelta(seconds=interval + _noise(draw, jitter, may_be_early=True))).astimezone(ZoneInfo(zone))
            row.insert(-1, str(interval) if stated == "interval" else str(form.write(end)))
    path, marks = _put(draw, folder / f"export {seed}", header, rows, language, container, around)
    options = {"meter": meter, "timestamp": "+".join(columns), "kwh": kwh, "decimal": numbers.decimal, "format": form.format}
    if around in ("columns", "keys"):
        options |= {"meter": "@filename", "kwh": "|".join(names) if around == "columns" else kwh}
    options |= {"zone": zone, "stamp": "end" if ends else "start", "encoding": str(marks.get("encoding", ""))} | extra
    seen = named_end or (around != "columns" and any(" 24:00" in str(one) for one in written))
    needs = {"stamp"} if ends and not seen else set()
    needs |= extra.keys()
    needs |= {"encoding"} if marks.get("encoding") in ("mac_roman", "cp850") else set()
    needs |= {"zone"} if zone != HOME and not form.instant else set()
    needs |= {"decimal"} if _ambiguous_numbers(texts) or (marks.get("delimiter") == ";" and _ambiguous_numbers(texts, ".")) else set()
    needs |= {"format"} if form.day_first is not None and _ambiguous_days(stamps) else set()
    marks |= {"seed": seed, "form": form.name, "numbers": numbers, "zone": zone, "interval": interval, "ends": ends, "jitter": jitter}
    return Made(path, readings, options, frozenset(needs), marks | {"first": rows[0], "header": [meter, *columns, kwh]})


def _reading(draw: Random, scale: float, places: int) -> float | None:
    """A reading in kWh; one in 200 is missing."""
    return None if draw.random() < 0.005 else round(draw.uniform(0.02, 1) * scale, places)


def _put(
    draw: Random, path: Path, header: list[str], rows: list[list[str]], language: str, container: str, around: str
) -> tuple[Path, dict[str, object]]:
    """Write the table and say how."""
    if container == "xlsx":
        return put_sheets(path.with_name(f"{path.name}.xlsx"), {"Sheet1": [header, *rows]}), {"container": "xlsx"}
    if container == "parquet":
        place = path.with_name(f"{path.name}.parquet")
        pl.DataFrame(rows, schema=header, orient="row").write_parquet(place)
        return place, {"container": "parquet"}
    delimiter = draw.choice([",", ";", "\t", "|"])
    encoding = draw.choice(ENCODINGS[language][: 3 if around == "joined in Wh" else None])
    body = _table(draw, header, rows, delimiter, around).encode(encoding)
    packed = draw.random() < 0.05
    place = path.with_name(f"{path.name}.csv{'.gz' if packed else ''}")
    place.write_bytes(gzip.compress(body) if packed else body)
    return place, {"container": "text", "delimiter": delimiter, "encoding": encoding, "around": around}


def _around(draw: Random, container: str, names: list[str], *, asked: bool) -> str:
    """What surrounds a table; a file of which its sender will be asked something cannot have a second table of other columns."""
    if container != "text":
        return "nothing"
    kinds = ["nothing"] * 6 + [
        "sep",
        "preamble",
        "trailing",
        "total",
        "notes",
        "units",
        "joined",
        "swapped",
        "cell units",
        "footer",
        "formulas",
        "index",
    ]
    kinds += [] if asked else ["joined in Wh"]
    return draw.choice([*kinds, *(["columns"] * 2 if len(names) > 1 else ["keys"])])


def _starts(draw: Random, zone: str, interval: int) -> list[datetime]:
    """Starts in UTC of some whole local days, those of a clock change among them where the zone has one."""
    first = datetime(2025, draw.choice([2, 3, 4, 10, 11]), draw.randint(1, 27), tzinfo=ZoneInfo(zone))
    if zone != HOME and draw.random() < 0.3:
        first = datetime(2025, 3, {"Europe/Berlin": 29}.get(zone, 8), tzinfo=ZoneInfo(zone))
    last = (first.replace(tzinfo=None) + timedelta(days=draw.choice([1, 2, 3, 14]))).replace(tzinfo=ZoneInfo(zone))
    start, end = first.astimezone(UTC), last.astimezone(UTC)
    return [start + timedelta(seconds=interval * i) for i in range(int((end - start).total_seconds()) // interval)]


def _noise(draw: Random, jitter: int, may_be_early: bool) -> int:
    return draw.randint(-jitter if may_be_early else 0, jitter)


def _numbers(draw: Random) -> _Numbers:
    decimal = draw.choice([".", ".", ","])
    group = draw.choice(["", "", "", "," if decimal == "." else ".", " ", "'"])
    return _Numbers(decimal, group, draw.choice([1, 2, 3]))


def _ambiguous_numbers(texts: list[str], sign: str = ",") -> bool:
    """Whether a sign may be the decimal sign or part thousands throughout: every text with one is 1 to 3 digits, it, and 3 digits.

    A leading zero, a sign that comes twice, both signs, or another number of digits behind it tell which it is.
    """
    signed = [text for text in texts if sign in text]  # empty texts are missing readings
    if not signed or any(other in text for text in texts for other in ",. '" if other != sign):
        return False
    split = [text.split(sign) for text in signed]
    return all(len(parts) == 2 and len(parts[1]) == 3 and parts[0][0] != "0" and len(parts[0]) <= 3 for parts in split)


def _ambiguous_days(stamps: list[datetime]) -> bool:
    """Whether day and month may change places throughout: one day, of no equal numbers, none above 12."""
    days = {stamp.date() for stamp in stamps}
    return all(day.day <= 12 and day.day != day.month for day in days) and len(days) <= 2


def _table(draw: Random, header: list[str], rows: list[list[str]], delimiter: str, around: str) -> str:
    end = draw.choice(["\n", "\n", "\r\n"])
    if around == "notes":
        header = [*header, "note", "by"]
        rows = [[*row, "read by hand", "x"] if i % 7 == 0 else row for i, row in enumerate(rows)]
    if around == "total":
        rows = [*rows, ["Total", *[""] * (len(header) - 2), rows[0][-1]]]
    if around == "units":
        rows = [["", *[""] * (len(header) - 2), "kWh"], *rows]
    header, rows = _tables(header, rows, around)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    if around == "sep":
        out.write(f"sep={delimiter}{end}")
    if around == "preamble":
        writer.writerows([["Name", "A Plant"], ["Address", "1 Test Road"]])
        out.write(end)
    if around == "keys":
        writer.writerows([["Meter", rows[0][0]], ["Unit", "kWh"]])
        header, rows = header[1:], [row[1:] for row in rows]
    if around == "trailing":
        header, rows = [*header, ""], [[*row, ""] for row in rows]
    writer.writerows([header, *rows])
    return out.getvalue()


def _tables(header: list[str], rows: list[list[str]], around: str) -> tuple[list[str], list[list[str]]]:
    """A table as an export that was joined from two, with a unit in each cell, a footer, or a column per meter."""
    half = len(rows) // 2
    if around == "joined":
        return header, [*rows[:half], header, *rows[half:]]
    if around == "swapped":
        return header, [*rows[:half], header[::-1], *(row[::-1] for row in rows[half:])]
    if around == "joined in Wh":
        return [*header[:-1], f"{header[-1]} [kWh]"], [*rows[:half], [*header[:-1], f"{header[-1]} [Wh]"], *rows[half:]]
    if around == "formulas":
        return header, [[*row[:-1], f'="{row[-1]}"' if row[-1] else ""] for row in rows]
    if around == "index":
        return ["", *header], [[str(at), *row] for at, row in enumerate(rows)]
    if around == "cell units":
        return header, [[*row[:-1], f"{row[-1]} kWh" if row[-1] else ""] for row in rows]
    if around == "footer":
        blank = [""] * (len(header) - 2)
        return header, [*rows, ["Exported at", *blank, "Count"], ["2025-12-31 10:12", *blank, str(len(rows))]]
    if around == "columns":
        names = list(dict.fromkeys(row[0] for row in rows))
        times = [row[1:-1] for row in rows if row[0] == names[0]]
        series = [[row[-1] for row in rows if row[0] == name] for name in names]
        return [*header[1:-1], *names], [[*time, *values] for time, *values in zip(times, *series, strict=True)]
    return header, rows
