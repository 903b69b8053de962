"""Dates and times as texts: how a column writes them, and which local times or instants they mean. No file is read here.

A column may mix listed forms: midnight without a time, fractions of a second, `T` or a blank. Only the order of day and month
is a fact about the whole column, because `03/04/2025` alone can mean two days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import polars as pl

from ecoai_pipeline.sources.cells import in_ascii
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.stamp_texts import WEEKDAY, plain, require_clear_zones

Order = Literal["iso", "dmy", "mdy", "ymd"]
"""Order of day, month and year in a date; `iso` begins with a year of four digits, `ymd` with one of two."""
LOCAL, INSTANT = pl.Datetime("us"), pl.Datetime("us", "UTC")
EPOCH: Mapping[str, float] = {"epoch": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1, "epoch_ns": 0.001}
"""Microseconds in one unit of a count since 1970 in UTC."""
EXCEL = "excel"
"""Days since 1899-12-30, as a workbook counts them."""
TICKS, FILETIME, JSON_DATE = "ticks", "filetime", "json_date"
"""Tenths of microseconds since the year 1 on the local clock; the same since 1601 in UTC; milliseconds in `/Date(1735689600000)/`."""
_TICKS_1970, _FILETIME_1970 = 621_355_968_000_000_000, 116_444_736_000_000_000
_IN_JSON = r"^\\?/?Date\((\d+)(?:[+-]\d{4})?\)\\?/?$"
_EXCEL_DAY_0 = datetime(1899, 12, 30)
DAY_END = r"(^|[ T]|^(?:19|20)\d{6})24((?:[:.]00){1,2}\b.*|(?:00){1,2}$|(?:시|時|h)?$)"
"""24:00, or an hour 24, in a stamp or alone: only the end of an interval has this time."""
_NUMBERS = {
    "epoch": r"^(1\d{9}(\.\d+)?|1(\.\d+)?[eE]\+?0?9)$",
    "epoch_ms": r"^(1\d{12}(\.\d+)?|1(\.\d+)?[eE]\+?12)$",
    "epoch_us": r"^(1\d{15}(\.0+)?|1(\.\d+)?[eE]\+?15)$",
    "epoch_ns": r"^1\d{18}$",
    TICKS: r"^6[2-4]\d{16}$",
    FILETIME: r"^1[23]\d{16}$",
    JSON_DATE: _IN_JSON,
    EXCEL: r"^([2-7]\d{4}([.,]\d+)?|[2-7]\.\d{6,}[eE]\+?0?4)$",
}
_ROUNDED = r"^1(\.\d{1,8})?[eE]\+?\d+$"
"""A count with an exponent and less than ten digits: its minutes may be lost."""
_ISO_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
)
_DATES: Mapping[Order, tuple[str, ...]] = {
    "iso": (),
    "ymd": (),
    "dmy": ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y"),
}
DOTTED_DATE = r"^\d{1,2}\.\s?\d{1,2}\.\s?\d{4}\b"
"""A date with the day first, as it is written where commas are decimal signs."""
_CLOCKS = (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "")
_OPEN_DATE = r"^(\d{1,2})\s?[-/.]\s?\d{1,2}\s?[-/.]\s?(\d{4}|\d{2})\b"
"""A date that does not show its order of day, month and, where it is short, year."""
_DATE = r"^(?P<a>\d{1,4})\s?(?P<sep>[-/.])\s?(?P<b>\d{1,2})\s?(?P<sep_2>[-/.])\s?(?P<c>\d{4}|\d{1,2})[.,]?"
_TIME = r"(?P<half>AM|PM)?\s?(?P<h>\d{1,2})(?:[:.](?P<m>\d{1,2})(?:[:.](?P<s>\d{1,2})(?:[.,](?P<f>\d{1,9}))?)?:?)?\s?(?P<half_2>AM|PM)?"
_ZONE = r"\s?(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_STAMP = rf"(?i){_DATE}(?:(?:T|\s|:)\s*{_TIME})?(?:{_ZONE})?$".replace(r"\d", "[0-9]")  # `\d` has digits that no cast reads
_CLOCK_ONLY = r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?$"
_RANGE = (
    r"^(?:(?P<iso>\d{4}-?\d{2}-?\d{2}T[^/\[]*)/(?P<iso_2>.+)"
    r"|(?P<clock>\S+ \d{1,2}:\d{2})\s?[-–~]\s?(?P<clock_2>\d{1,2}:\d{2})"
    r"|(?P<first>\d.*?\d\D{0,5}?)(?:\s[-–—/]\s|\s?~\s?|\s(?:to|bis|until)\s)\s?(?P<second>\d.*))$"
)
"""Two times in one text: the start and the end of an interval."""
_COMPACT_DIGITS: Mapping[str, int] = {"%Y%m%d": 8, "%Y%m%d%H%M": 12, "%Y%m%d%H%M%S": 14}
_FIRST_YEAR = 1000
_LAST_SERIAL = 80_000
_SEVERAL = 2
_FEWEST_ROUNDED = 8
_TYPING_ERRORS = 0.01
"""Share of a column's dates that may be no dates in its order."""
_CLEARLY_MORE = 5
"""Dates in a wrong order jump by a month where the right ones go on by a day: counts that differ by less decide nothing."""
_DAY_S = 86_400
_DAYS_OF_A_YEAR = 366
_EVENLY = 1.1
"""How many times longer than the shortest step between stamps an even one is at most."""
_READINGS_OF_A_DAY = 12
"""Stamps on a date that are the readings of a day, and none that a person takes now and then."""


class Stamps(NamedTuple):
    """Times of a column: local (datetime[us]) or instants (datetime[us, UTC]); both are null where a text cannot be read.

    `length_s` (i32): seconds to the second time of a text that holds two; None where texts hold one.
    """

    local: pl.Series
    utc: pl.Series
    length_s: pl.Series | None = None

    @property
    def understood(self) -> int:
        """Number of texts that could be read."""
        return int((self.local.is_not_null() | self.utc.is_not_null()).sum())


@dataclass(frozen=True)
class StampForm:
    """How the stamps of one column are written.

    Attributes:
        format: strptime format of most texts, or the name of a count such as `epoch`, `excel` or `ticks`; None where no single format
            fits many.
        order: order of day, month and year in all other texts.
        ranges: whether each text holds the start and the end of an interval.
    """

    format: str | None = None
    order: Order = "iso"
    ranges: bool = False

    @property
    def name(self) -> str:
        """The form as `format=` in a mapping takes it."""
        return self.format or self.order

    @classmethod
    def named(cls, text: str) -> StampForm:
        """The form that a sender names: a strptime format, `epoch`, `epoch_ms`, `excel`, or an order such as `dmy`."""
        for order in get_args(Order):
            if text == order:
                return cls(None, order)
        return cls(text, _order_of_format(text))

    def read(self, texts: pl.Series) -> Stamps:
        """Texts as local times or instants; 24:00 is 00:00 of the next day."""
        if self.ranges:
            return self._read_ranges(texts)
        nothing = Stamps(_nothing(texts, LOCAL), _nothing(texts, INSTANT))
        if factor := EPOCH.get(self.format or ""):
            return Stamps(nothing.local, _instants(texts, factor))
        if self.format == EXCEL:
            return Stamps(_of_serials(texts), nothing.utc)
        if self.format == JSON_DATE:
            return Stamps(nothing.local, _instants(texts.str.extract(_IN_JSON), EPOCH["epoch_ms"]))
        if self.format in (TICKS, FILETIME):
            since_1970 = texts.cast(pl.Int64, strict=False) - (_TICKS_1970 if self.format == TICKS else _FILETIME_1970)
            times = (since_1970 // 10).cast(LOCAL)
            return Stamps(times, nothing.utc) if self.format == TICKS else Stamps(nothing.local, times.dt.replace_time_zone("UTC"))
        stamps = _by_format(texts, self.format) if self.format else nothing
        left = stamps.local.is_null() & stamps.utc.is_null() & (texts != "")
        if not left.any():
            return stamps
        # Only for what the format leaves: this parser takes ten times as long.
        rest, places = read_any(texts.filter(left), self.order), left.arg_true()
        return Stamps(stamps.local.scatter(places, rest.local), stamps.utc.scatter(places, rest.utc))

    def _read_ranges(self, texts: pl.Series) -> Stamps:
        single = replace(self, ranges=False)
        halves = _halves(texts)
        first = single.read(halves["first"].fill_null(""))
        second = single.read(_completed(halves["second"].fill_null(""), halves["first"].fill_null("")))
        length = (second.local - first.local).dt.total_seconds()
        length = length.zip_with(length.is_not_null(), (second.utc - first.utc).dt.total_seconds())
        length = _to_full_minutes(length.zip_with(length.is_not_null(), _duration_s(halves["second"])))
        return Stamps(first.local, first.utc, positive(length))

    def days(self, texts: pl.Series) -> pl.Series:
        """Dates as local midnights (datetime[us]); null where a text is no date or has a time other than 00:00."""
        stamps = self.read(texts)
        local = stamps.local.zip_with(stamps.local.is_not_null(), stamps.utc.dt.replace_time_zone(None))
        return local.zip_with(local == local.dt.truncate("1d"), _nothing(texts, LOCAL))


def days(texts: pl.Series, order: Order = "iso") -> pl.Series:
    """Dates as local midnights (datetime[us]); `days` of the form that `form_of` finds for a column knows the order of its dates.

    >>> days(pl.Series(["20250301", "2025.03.01", "2025. 3. 1", "2025/03/01 00:00", "2025-03-01 07:00"])).dt.day().to_list()
    [1, 1, 1, 1, None]
    """
    return StampForm("%Y%m%d", order).days(texts)


def form_of(file: str, column: str, sample: pl.Series, whole: Callable[[], Iterable[pl.Series]]) -> StampForm:
    """The form of a column's stamps.

    Args:
        file, column: for errors.
        sample: texts from the head of the column, stripped.
        whole: gives all texts in pieces; called only where the sample does not show the order of day and month.

    Raises:
        IngestError: the stamps are of no known form, or day and month cannot be told apart.
    """
    given = sample.filter(sample != "").str.replace(WEEKDAY, "")
    for name, pattern in _NUMBERS.items():
        if len(given) and given.str.contains(pattern).all():
            form = StampForm(name)
            if name in (*EPOCH, EXCEL) and _is_rounded(given, form):
                advice = f"their last digits are lost: write them with all digits, or say format={name} in --columns if they are right"
                raise IngestError(file, f"the times in column {column!r} are rounded numbers ({given[0]!r}); {advice}")
            return form
    require_clear_zones(file, column, given, whole)
    if len(given) and given.str.contains(_RANGE).all():
        starts = (_halves(piece)["first"].fill_null("") for piece in whole())
        return replace(form_of(file, column, _halves(given)["first"], lambda: starts), ranges=True)
    order = _order(file, column, lambda: (piece.str.replace(WEEKDAY, "") for piece in whole())) if len(_open_dates(given)) else "iso"
    formats = _ISO_FORMATS if order == "iso" else tuple(day + clock for clock in _CLOCKS for day in _DATES[order])
    counts = {form: _by_format(given, form).understood for form in formats}
    best = max(counts, key=lambda form: counts[form], default=None)
    form = StampForm(best if best and counts[best] else None, order)
    if not form.read(given).understood:
        seen = repr(given[0]) if len(given) else "no rows"
        hint = "name its form, for example format='%d/%m/%Y %H:%M' in --columns"
        raise IngestError(file, f"the times in column {column!r} are of no known form ({seen}); {hint}")
    return form


def _is_rounded(given: pl.Series, form: StampForm) -> bool:
    """Whether counts have lost digits: they have few of them, or end in zeros, and do not lie at whole minutes.

    Fewer different ones may lie there by chance.
    """
    times = (form.read(given).local if form.format == EXCEL else form.read(given).utc).unique()
    at_minutes = bool((times.dt.epoch("us") % 60_000_000 == 0).all())
    if form.format == EXCEL:
        return len(times) >= _FEWEST_ROUNDED and not at_minutes and not given.str.contains(r"[.,]\d{3}").any()
    if given.str.contains(_ROUNDED).all():
        return not at_minutes or len(times) < _FEWEST_ROUNDED
    return len(times) >= _FEWEST_ROUNDED and not at_minutes and bool((times.dt.epoch("us") % 100_000_000 == 0).all())


def date_of(parts: Sequence[pl.Series]) -> pl.Series:
    """Years, months and days as dates; empty where one of them is.

    >>> date_of([pl.Series(["2025", ""]), pl.Series(["3", "3"]), pl.Series(["1", "2"])]).to_list()
    ['2025-03-01', '']
    """
    year, month, day = parts
    date = year + "-" + month.str.zfill(2) + "-" + day.str.zfill(2)
    return date.zip_with((year != "") & (month != "") & (day != ""), _empty(year))


def clock_of(parts: Sequence[pl.Series]) -> pl.Series:
    """Hours, or hours, minutes and seconds, as times of the day.

    >>> clock_of([pl.Series(["7", "24"]), pl.Series(["5", "0"])]).to_list()
    ['07:05', '24:00']
    """
    if len(parts) == 1:
        return parts[0]
    clock = parts[0].str.zfill(2)
    for part in parts[1:]:
        clock = clock + ":" + part.str.zfill(2)
    return clock


def joined(dates: pl.Series, times: pl.Series) -> pl.Series:
    """Texts of a date and of a time of the day as one text; empty where one of them is empty.

    The date may have a time of 00:00 and the time any date, as cells of workbooks and timestamps in Parquet have them. The time
    may be a share of a day, an hour, or hours and minutes without a colon.

    >>> joined(pl.Series(["2025-03-03", "2025-03-03 00:00:00.000000", "20250303"]), pl.Series(["00:15", "0.5", "9시"])).to_list()
    ['2025-03-03 00:15', '2025-03-03 12:00:00', '20250303 09:00']
    """
    day = dates.str.replace(r"[ T]0?0:00(:00(\.0+)?)?$", "")
    clock = times.str.replace(r"^\d{4}-\d{2}-\d{2}[ T]", "").str.replace(r"(:\d{2})\.0+$", "${1}")
    if clock.str.contains(r"^\d{3,4}$").any():
        clock = clock.str.replace(r"^\d{1,4}$", "000${0}").str.replace(r"^0*?(\d{2})(\d{2})$", "${1}:${2}")
    share = clock.str.contains(r"^0?\.\d+$|^0(\.0+)?$|^\d(\.\d+)?[eE]-\d+$")
    if share.any():
        clock = _clock_of(clock).zip_with(share, clock)
    clock = clock.str.replace(r"^(\d{1,2})\s?(?:시|時|h|Uhr)?$", "${1}:00").str.replace(r"^(\d:)", "0${1}")
    return (day + " " + clock).zip_with((day != "") & (clock != ""), pl.Series([""], dtype=pl.String))


def lengths_to(ends: pl.Series, starts: Stamps, form: StampForm) -> pl.Series:
    """Seconds (i32) from starts to the ends of their intervals, which are stamps or times of the day.

    An end at the last minute or second of an interval (00:14, 00:59:59) means the next full minute. Null where an end cannot be read
    or does not lie after its start.
    """
    clock = ends.str.contains(_CLOCK_ONLY)
    start = starts.local.zip_with(starts.local.is_not_null(), starts.utc.dt.replace_time_zone(None))
    read = form.read(start.dt.strftime("%Y-%m-%d ").fill_null("").zip_with(clock, _empty(ends)) + ends)
    local = read.local.zip_with(read.local.is_not_null(), read.utc.dt.replace_time_zone(None))
    length = (local - start).dt.total_seconds()
    return positive(_to_full_minutes((length + 86_400).zip_with(clock & (length < 0), length)))


def _to_full_minutes(length: pl.Series) -> pl.Series:
    """Lengths, in seconds, to the next full minute where the end is the last minute or second of its interval: 00:14, 00:59:59."""
    length = (length + 60).zip_with(length % 300 == 240, length)
    return (length + 1).zip_with(length % 60 == 59, length)


def positive(length: pl.Series) -> pl.Series:
    """Seconds as i32, null where they are not above 0."""
    return length.zip_with(length > 0, pl.Series([None], dtype=pl.Int64)).cast(pl.Int32)


def _empty(texts: pl.Series) -> pl.Series:
    return pl.repeat("", len(texts), dtype=pl.String, eager=True)


def _halves(texts: pl.Series) -> pl.DataFrame:
    """The two times of each text (first, second); null where a text holds one."""
    found = texts.str.extract_groups(_RANGE).struct.unnest()
    return found.select(first=pl.coalesce("iso", "clock", "first"), second=pl.coalesce("iso_2", "clock_2", "second"))


def _completed(second: pl.Series, first: pl.Series) -> pl.Series:
    """Ends that are times of the day with the date of their start."""
    date = first.str.extract(r"^(.*?)\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[AaPp][Mm])?$").fill_null("")
    return (date + second).zip_with(second.str.contains(_CLOCK_ONLY), second)


def _duration_s(texts: pl.Series) -> pl.Series:
    """ISO durations such as PT15M or P1D, in seconds."""
    parts = texts.str.extract_groups(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$").struct.unnest().cast(pl.Int64)
    known = pl.any_horizontal(pl.all().is_not_null())
    days, hours, minutes = (pl.nth(place).fill_null(0) for place in range(3))
    return parts.select(pl.when(known).then(days * 86_400 + hours * 3600 + minutes * 60)).to_series()


def read_any(texts: pl.Series, order: Order) -> Stamps:
    """Texts of any listed form; `order` is that of dates without a year of four digits at their head."""
    parts = plain(in_ascii(texts)).str.extract_groups(_STAMP).struct.unnest()
    bare_hour = pl.col("m").is_null() & pl.col("zone").str.contains(r"^[+-]\d{2}$").fill_null(value=False)  # 00-15 is no 00 at -15:00
    parsed = parts.select(local=pl.when(~bare_hour).then(_date(order) + _time_of_day()), offset=_offset())
    instant = parsed.select(pl.when(pl.col("offset").is_not_null()).then(pl.col("local") - pl.col("offset"))).to_series()
    local = parsed.select(pl.when(pl.col("offset").is_null()).then("local")).to_series()
    return Stamps(local, instant.dt.replace_time_zone("UTC"))


def _date(order: Order) -> pl.Expr:
    """The midnight of a date; null where it is none, or of another order."""
    first, second, last = pl.col("a"), pl.col("b"), pl.col("c")
    long_first, long_last = first.str.len_chars() == 4, last.str.len_chars() == 4
    texts = [pl.when(long_first & ~long_last).then(pl.concat_str([first, second, last], separator="-"))]
    if order != "iso":
        day, month, year = {"dmy": (first, second, last), "mdy": (second, first, last), "ymd": (last, second, first)}[order]
        short = (first.str.len_chars() <= 2) & (year.str.len_chars() != 1) & (~long_last | pl.lit(order != "ymd"))
        texts.append(pl.when(short).then(pl.concat_str([_long_year(year), month, day], separator="-")))
    same = pl.col("sep") == pl.col("sep_2")
    return pl.when(same).then(pl.coalesce(texts)).str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)


def _long_year(year: pl.Expr) -> pl.Expr:
    """A year of two digits as POSIX counts them: 70 to 99 are of the last century."""
    century = pl.when(year >= "70").then(pl.lit("19")).otherwise(pl.lit("20"))
    return pl.when(year.str.len_chars() == 2).then(century + year).otherwise(year)


def _time_of_day() -> pl.Expr:
    """The time since midnight, of 24 hours at most; null where the clock shows no such time."""
    hour, minute, second = (pl.col(name).cast(pl.Int64).fill_null(0) for name in ("h", "m", "s"))
    fraction = pl.concat_str([pl.lit("0."), pl.col("f").fill_null("0")]).cast(pl.Float64)
    half = pl.coalesce("half", "half_2").str.to_uppercase()
    of_day = pl.when((half == "PM") & (hour < 12)).then(hour + 12).when((half == "AM") & (hour == 12)).then(0).otherwise(hour)
    micros = (of_day * 3600 + minute * 60 + second) * 1_000_000 + (fraction * 1_000_000).round().cast(pl.Int64)
    shown = (minute < 60) & (second < 60) & ((half != "AM") | (hour <= 12)).fill_null(value=True)
    return pl.when(shown & (micros <= 86_400_000_000)).then(pl.duration(microseconds=micros))


def _offset() -> pl.Expr:
    """How far the clock of a stamp is ahead of UTC; null where it names no zone."""
    digits = pl.col("zone").str.replace_all(r"\D", "").str.pad_end(4, "0")
    minutes = digits.str.slice(0, 2).cast(pl.Int64) * 60 + digits.str.slice(2, 2).cast(pl.Int64)
    return pl.duration(minutes=pl.when(pl.col("zone").str.starts_with("-")).then(-minutes).otherwise(minutes))


def _by_format(texts: pl.Series, form: str) -> Stamps:
    read = texts.str.to_datetime(form, time_unit="us", strict=False)
    if digits := _COMPACT_DIGITS.get(form):  # strptime takes 11 digits for 12
        read = read.zip_with(texts.str.len_bytes() == digits, pl.Series([None], dtype=read.dtype))
    if read.null_count():
        # Looked for only among what could not be read: the search costs ten times what reading does.
        midnight = texts.str.replace(DAY_END, "${1}00${2}").str.to_datetime(form, time_unit="us", strict=False)
        next_day = midnight.dt.offset_by("1d").zip_with(texts.str.contains(DAY_END), read)
        read = read.zip_with(read.is_not_null(), next_day)
    if "%Y" in form and (read.dt.year() < _FIRST_YEAR).any():  # strptime takes 25 for the year 25
        read = read.zip_with(read.dt.year() >= _FIRST_YEAR, pl.Series([None], dtype=read.dtype))
    return Stamps(_nothing(texts, LOCAL), read) if "z" in form else Stamps(read, _nothing(texts, INSTANT))


def _nothing(texts: pl.Series, dtype: pl.Datetime) -> pl.Series:
    return pl.repeat(None, len(texts), dtype=dtype, eager=True)


def _instants(texts: pl.Series, factor: float) -> pl.Series:
    """Numbers since 1970 in UTC as instants; `factor` microseconds each."""
    micros = texts.cast(pl.Float64, strict=False) * factor
    sane = micros.zip_with(micros.abs() < 4e18, pl.Series([None], dtype=pl.Float64))
    return sane.round().cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _of_serials(texts: pl.Series) -> pl.Series:
    """Days since 1899-12-30 as local times, to the second: what is left of a serial's digits shows no more."""
    seconds = (texts.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False) * 86_400).round()
    sane = seconds.zip_with(seconds.is_between(0, _LAST_SERIAL * 86_400), pl.Series([None], dtype=pl.Float64))
    return (sane.cast(pl.Int64) * 1_000_000).cast(pl.Duration("us")) + pl.Series([_EXCEL_DAY_0], dtype=LOCAL)


def _clock_of(shares: pl.Series) -> pl.Series:
    """Shares of a day as HH:MM:SS."""
    seconds = (shares.cast(pl.Float64, strict=False) * 86_400).round().cast(pl.Int64)
    parts = [(seconds // 3600), (seconds // 60 % 60), (seconds % 60)]
    return parts[0].cast(pl.String).str.zfill(2) + ":" + parts[1].cast(pl.String).str.zfill(2) + ":" + parts[2].cast(pl.String).str.zfill(2)


def _open_dates(texts: pl.Series) -> pl.Series:
    """The dates of those texts that do not show the order of day, month and year."""
    return texts.str.extract(_OPEN_DATE).drop_nulls()


def _order_of_format(form: str) -> Order:
    places = {letter: form.find(f"%{letter}") for letter in "dmYy"}
    if places["d"] < 0 or places["m"] < 0 or 0 <= places["Y"] < places["d"]:
        return "iso"
    if 0 <= places["y"] < places["m"]:
        return "ymd"
    return "dmy" if places["d"] < places["m"] else "mdy"


def _order(file: str, column: str, whole: Callable[[], Iterable[pl.Series]]) -> Order:
    """The order of day, month and year that fits the whole column.

    Raises:
        IngestError: several orders fit, or none; the message shows what the first open date would mean, and how to name the order.
    """
    column_dates = _ColumnDates.of(whole())
    fitting = column_dates.fitting()
    if not fitting:
        raise IngestError(file, f"the dates in column {column!r} {column_dates.contradiction()}")
    chosen = _by_regularity(fitting, whole()) if len(fitting) > 1 else next(iter(fitting))
    if chosen is not None:
        return chosen
    at = column_dates.first_open(fitting)
    meanings = " or ".join(f"{str(days[at])[:10]} (format={order})" for order, days in fitting.items())
    trouble = f"do not show which number is the day: {column_dates.texts[at]!r} may be {meanings}"
    raise IngestError(file, f"the dates in column {column!r} {trouble}; name the right one in --columns")


@dataclass(frozen=True)
class _ColumnDates:
    """The dates of a column in turn, each run of equal ones once."""

    texts: pl.Series

    @classmethod
    def of(cls, pieces: Iterable[pl.Series]) -> _ColumnDates:
        dates: list[pl.Series] = [pl.Series([], dtype=pl.String)]
        for piece in pieces:
            found = piece.str.extract(_OPEN_DATE, 0).drop_nulls()
            dates.append(found.filter((found != found.shift(1)).fill_null(value=True)))
        texts = pl.concat(dates)
        exist = pl.any_horizontal(pl.all().is_not_null())
        return cls(texts.filter(pl.DataFrame(cls(texts).all()).select(exist).to_series()))

    def all(self) -> dict[Order, pl.Series]:
        """What the dates are in each order; every one exists in one of them."""
        orders: tuple[Order, ...] = ("dmy", "mdy", "ymd") if self.texts.str.contains(r"\D\d{2}$").any() else ("dmy", "mdy")
        return {order: read_any(self.texts, order).local for order in orders}

    def fitting(self) -> dict[Order, pl.Series]:
        """The orders in which nearly all of the dates exist; orders of one meaning once."""
        found: dict[Order, pl.Series] = {}
        for order, days in self.all().items():
            if days.null_count() <= _TYPING_ERRORS * len(days) and not any(days.equals(other) for other in found.values()):
                found[order] = days
        if "dmy" in found and self.texts.str.contains(r"\.\s?\d{4}$").all():
            return {"dmy": found["dmy"]}  # where dots part a date, the day is first
        return found

    def first_open(self, fitting: Mapping[Order, pl.Series]) -> int:
        """The place of the first of those dates that mean most different days."""
        meanings = pl.DataFrame(dict(fitting)).select(pl.concat_list(pl.all()).list.n_unique()).to_series()
        return meanings.arg_max() or 0

    def contradiction(self) -> str:
        """Which dates exist in one order only, and what to do."""
        refused = {order: self.texts.filter(days.is_null())[0] for order, days in self.all().items()}
        unread = ", ".join(f"{text!r} is no date as {order}" for order, text in refused.items())
        return f"fit no single order: {unread}; correct the file, or name the order in --columns, for example format=dmy"


def _by_regularity(fitting: Mapping[Order, pl.Series], pieces: Iterable[pl.Series]) -> Order | None:
    """The order in which the stamps go on evenly from day to day; None where several do so alike, or none does.

    Where each date has about one stamp, an order that puts all dates on one day of the month is as likely as any other: readings
    that come every month.
    """
    texts = pl.concat([piece.filter(piece.str.contains(_OPEN_DATE)).unique() for piece in pieces]).unique()
    stamps = {order: _dated(texts, order) for order in fitting}
    best, *others = sorted(fitting, key=lambda order: _days_that_follow(stamps[order]), reverse=True)
    rare = stamps[best].height < _SEVERAL * stamps[best]["date"].n_unique()
    if rare and any(_is_monthly(fitting[order]) for order in others):
        return None
    most, next_most = (_days_that_follow(stamps[order]) for order in (best, others[0]))
    return best if most >= max(1, _CLEARLY_MORE * next_most) else None


def _dated(texts: pl.Series, order: Order) -> pl.DataFrame:
    """Stamps in their order, each `moment` on one clock once, with the `date` that the text names: 24:00 is of the day that it ends."""
    stamps = read_any(texts, order)
    moment = stamps.local.zip_with(stamps.local.is_not_null(), stamps.utc.dt.replace_time_zone(None))
    dates = read_any(texts.str.extract(_OPEN_DATE, 0), order).local
    return pl.DataFrame({"moment": moment, "date": dates}).drop_nulls().unique("moment").sort("moment")


def _days_that_follow(stamps: pl.DataFrame) -> int:
    """How many dates of stamps (`_dated`) go on evenly from the one before.

    The step from the last stamp of a date to the first of the next one is as long as those within a date. Dates with as many stamps
    as the readings of a day may have gaps.
    """
    steps = stamps["moment"].diff().dt.total_seconds()
    full = stamps.height >= _READINGS_OF_A_DAY * stamps["date"].n_unique()
    shortest = float(steps.min() or 0)  # type: ignore[arg-type]
    changes = stamps["date"] != stamps["date"].shift(1)
    return int((changes & (steps <= (_DAY_S if full else _EVENLY * min(shortest, _DAY_S)))).sum())


def _is_monthly(days: pl.Series) -> bool:
    """Whether dates are of one day of the month, as those of readings that come every month or every year."""
    dates = days.drop_nulls().unique().sort()
    steps = dates.diff().dt.total_days().drop_nulls()
    return dates.dt.day().n_unique() == 1 and bool((steps <= _DAYS_OF_A_YEAR).any())
