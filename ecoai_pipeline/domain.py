"""The words everything else is written in: industries, usage types, resolutions, months, tables and their units.

Imported by the Dagster definitions, so it stays light: the standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

E = TypeVar("E", bound=StrEnum)
Decimal = Literal[".", ","]
"""The sign before the decimals of a number."""


class Industry(StrEnum):
    """What a plant does; one half of every partition key."""

    ENERGY_SUPPLIER = "energy_supplier"
    METAL = "metal"
    FOOD = "food"
    ENERGY = "energy"
    CERAMICS = "ceramics"
    PAPER_WOOD = "paper_wood"
    CHEMICAL = "chemical"
    OTHER = "other"

    @classmethod
    def parse(cls, text: str) -> Industry:
        """Read an English or Korean name.

        Raises:
            ValueError: the name is none of the eight; the message lists them.
        """
        return _parse(Industry, text, _KOREAN_INDUSTRIES)


class UsageType(StrEnum):
    """The contract class of a meter."""

    INDUSTRIAL = "industrial"
    GENERAL = "general"
    MIDNIGHT = "midnight"
    AGRICULTURAL = "agricultural"

    @classmethod
    def parse(cls, text: str) -> UsageType:
        """Read an English or Korean name.

        Raises:
            ValueError: the name is none of the four; the message lists them.
        """
        return _parse(UsageType, text, _KOREAN_USAGE_TYPES)


class Resolution(StrEnum):
    """How densely a meter reads; one model per industry and resolution."""

    HIGH = "high"
    MID = "mid"
    LOW = "low"

    @classmethod
    def of(cls, interval_s: int) -> Resolution:
        """Class of an interval in seconds: high below 10 min, mid below 60 min, low from 60 min.

        >>> [Resolution.of(s).value for s in (60, 599, 600, 900, 3599, 3600, 86400)]
        ['high', 'high', 'mid', 'mid', 'mid', 'low', 'low']
        """
        if interval_s < 600:
            return cls.HIGH
        return cls.MID if interval_s < 3600 else cls.LOW


class Quality(StrEnum):
    """What is known of a reading before any detector looks at it."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    MISSING = "missing"
    SUSPECT = "suspect"


class Category(StrEnum):
    """Who acts on an event: the plant (energy) or whoever runs the meter (data quality)."""

    ENERGY = "energy"
    DATA_QUALITY = "data_quality"


class EventStatus(StrEnum):
    ONGOING = "ongoing"
    CLOSED = "closed"


class Kind(StrEnum):
    """What an event looks like; a closed list."""

    OUTAGE = "outage"
    SAG = "sag"
    SURGE = "surge"
    SPIKE = "spike"
    PLATEAU = "plateau"
    FLAT = "flat"
    NOISY = "noisy"
    RAMP = "ramp"
    BROWNOUT = "brownout"
    SAWTOOTH = "sawtooth"
    LEAK = "leak"
    LEVEL_SHIFT = "level_shift"
    SHIFTED_SCHEDULE = "shifted_schedule"
    LONGER_SHIFT = "longer_shift"
    UNUSUAL_SHAPE = "unusual_shape"
    MISSING_DATA = "missing_data"
    STUCK_COUNTER = "stuck_counter"
    COUNTER_RESET = "counter_reset"
    IMPLAUSIBLE = "implausible"
    FILLED_DAYS = "filled_days"
    COPIED_DAYS = "copied_days"
    WRONG_FACTOR = "wrong_factor"
    SHIFTED_CLOCK = "shifted_clock"


_KOREAN_INDUSTRIES = {
    "에너지공급": Industry.ENERGY_SUPPLIER,
    "에너지공급업": Industry.ENERGY_SUPPLIER,
    "금속": Industry.METAL,
    "식품": Industry.FOOD,
    "음식료": Industry.FOOD,
    "에너지": Industry.ENERGY,
    "요업": Industry.CERAMICS,
    "제지목재": Industry.PAPER_WOOD,
    "제지·목재": Industry.PAPER_WOOD,
    "화학": Industry.CHEMICAL,
    "화공": Industry.CHEMICAL,
    "기타": Industry.OTHER,
}
_KOREAN_USAGE_TYPES = {
    "산업용": UsageType.INDUSTRIAL,
    "일반용": UsageType.GENERAL,
    "심야": UsageType.MIDNIGHT,
    "심야전력": UsageType.MIDNIGHT,
    "농사용": UsageType.AGRICULTURAL,
}


def _parse(cls: type[E], text: str, korean: dict[str, E]) -> E:
    name = unicodedata.normalize("NFC", text.strip())  # names of folders made on a Mac come in single letters
    if name in korean:
        return korean[name]
    try:
        return cls(name.lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        known = ", ".join([*cls, *korean])
        raise ValueError(f"unknown {cls.__name__.lower()} {text!r}; known are: {known}") from None


def time_zone(text: str) -> str:
    """The name of a time zone, as it is.

    Raises:
        ValueError: the tz database has no zone of that name, or one that means this machine's clock or another way of counting.
    """
    try:
        name = ZoneInfo(text).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        name = ""
    if not name or name in ("Factory", "localtime") or name.startswith(("posix", "right/")):
        raise ValueError(f"{text!r} is no time zone; write it like Asia/Seoul{_instead_of(text)}")
    return name


def unmistakable_zone(text: str) -> str:
    """The name of a time zone, abbreviations left out that some use for a clock with summer time and some without.

    Raises:
        ValueError: it is none of these; the message names the zones that it may mean.
    """
    if text in ("EST", "MST"):
        raise ValueError(f"{text!r} may be a clock with or without summer time{_instead_of(text)}")
    return time_zone(text)


def fixed_zone(offset_s: int) -> str | None:
    """The zone without clock changes that is so many seconds ahead of UTC; None where there is none.

    >>> fixed_zone(-6 * 3600), fixed_zone(9 * 3600), fixed_zone(0), fixed_zone(5 * 3600 + 1800)
    ('Etc/GMT+6', 'Etc/GMT-9', 'UTC', 'Asia/Kolkata')
    """
    hours, rest = divmod(offset_s, 3600)
    if rest:
        return _BROKEN_HOURS.get(offset_s // 60)
    if not -_MOST_WEST_H <= hours <= _MOST_EAST_H:
        return None
    return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"


def zones_meant(abbreviation: str) -> str | None:
    """The zones that an abbreviation such as `EST` may mean, in words."""
    return _ZONES_MEANT.get(abbreviation)


def _instead_of(text: str) -> str:
    """What to write in place of an offset or an abbreviation. The sign of an Etc zone is the opposite of the offset's."""
    if names := _ZONES_MEANT.get(text.upper()):
        return f"; for {text} write {names}"
    found = _OFFSET.fullmatch(text)
    if found is None:
        return ""
    seconds = (int(found["hours"]) * 3600 + int(found["minutes"] or 0) * 60) * (-1 if found["sign"] == "-" else 1)
    name = fixed_zone(seconds)
    return f"; for a clock that always shows {text} write {name}" if name else ""


_MOST_WEST_H, _MOST_EAST_H = 12, 14
_OFFSET = re.compile(r"(?:UTC|GMT)?\s?(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?", re.IGNORECASE)
_BROKEN_HOURS = {
    210: "Asia/Tehran",
    270: "Asia/Kabul",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    390: "Asia/Yangon",
    570: "Australia/Darwin",
}
_ZONES_MEANT = {
    "EST": "America/New_York (with summer time) or Etc/GMT+5 (without)",
    "EDT": "America/New_York",
    "CST": "America/Chicago (with summer time), Etc/GMT+6 (without) or Asia/Shanghai",
    "CDT": "America/Chicago",
    "MST": "America/Denver (with summer time) or Etc/GMT+7 (without)",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles (with summer time) or Etc/GMT+8 (without)",
    "PDT": "America/Los_Angeles",
    "BST": "Europe/London",
    "CEST": "Europe/Berlin",
    "MEZ": "Europe/Berlin (with summer time) or Etc/GMT-1 (without)",
    "MESZ": "Europe/Berlin",
    "KST": "Asia/Seoul",
    "JST": "Asia/Tokyo",
    "IST": "Asia/Kolkata",
    "AEST": "Australia/Sydney (with summer time) or Australia/Brisbane (without)",
}


@dataclass(frozen=True, order=True)
class Month:
    """A local calendar month, the time half of every partition key.

    >>> Month.parse("2022-12").next, str(Month(2022, 3)), Month(2022, 1).previous
    (Month(year=2023, month=1), '2022-03', Month(year=2021, month=12))
    """

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2022-03` or the partition key `2022-03-01`.

        Raises:
            ValueError: the text is no month.
        """
        try:
            first = date.fromisoformat(text if len(text) > 7 else f"{text}-01")
        except ValueError:
            raise ValueError(f"{text!r} is not a month; write it as 2022-03") from None
        if first.day != 1:
            raise ValueError(f"{text!r} is a day, not a month; write it as {text[:7]}")
        return cls(first.year, first.month)

    @classmethod
    def of(cls, day: date) -> Self:
        return cls(day.year, day.month)

    @property
    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def previous(self) -> Month:
        return Month(self.year - (self.month == 1), (self.month - 2) % 12 + 1)

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    @property
    def key(self) -> str:
        """The key of Dagster's monthly partition: the month's first day."""
        return self.first_day.isoformat()

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, order=True)
class MonthRange:
    """Months from `first` to `last`, both included.

    >>> [str(m) for m in MonthRange.parse("2021-11..2022-01")]
    ['2021-11', '2021-12', '2022-01']
    """

    first: Month
    last: Month

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"the range {self.first}..{self.last} ends before it starts; did you mean {self.last}..{self.first}?")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2020-01..2022-12`, or one month.

        Raises:
            ValueError: an end is no month, or the range is inverted.
        """
        first, _, last = text.partition("..")
        return cls(Month.parse(first), Month.parse(last or first))

    @classmethod
    def consecutive(cls, months: Iterable[Month]) -> list[Self]:
        """Months as ranges without a gap.

        >>> [str(span) for span in MonthRange.consecutive([Month(2025, 1), Month(2025, 2), Month(2025, 5)])]
        ['2025-01..2025-02', '2025-05..2025-05']
        """
        found: list[Self] = []
        for month in sorted(set(months)):
            if found and found[-1].last.next == month:
                found[-1] = cls(found[-1].first, month)
            else:
                found.append(cls(month, month))
        return found

    def __iter__(self) -> Iterator[Month]:
        month = self.first
        while month <= self.last:
            yield month
            month = month.next

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


@dataclass(frozen=True, order=True)
class Partition:
    """One industry in one month: the unit that tables are written in."""

    industry: Industry
    month: Month

    @classmethod
    def parse(cls, key: str) -> Self:
        """Read Dagster's key `metal|2022-03-01`."""
        industry, _, month = key.partition("|")
        return cls(Industry(industry), Month.parse(month))

    @property
    def key(self) -> str:
        return f"{self.industry}|{self.month.key}"

    def __str__(self) -> str:
        return f"{self.industry} {self.month}"


@dataclass(frozen=True)
class Meter:
    """A row of the meter registry: what is known of a meter from a day on."""

    meter_id: str
    industry: Industry
    usage_type: UsageType
    time_zone: str
    signed: bool
    valid_from: date
    capacity_kw: float | None = None
    site: str | None = None
    region: str | None = None
    country: str | None = None  # ISO 3166-1 alpha-2; where it is None, that of the time zone holds (`places.home_country`)
    subdivision: str | None = None  # ISO 3166-2, as DE-BY
    tariff: str | None = None  # name of a table of `impact.tariffs`
    decimal: Decimal | None = None  # sign of its values in files of text; where it is None, the column decides
    guessed: bool = False  # nobody has said the industry; any row that does takes this one's place
    inferred_kw: float | None = None  # what its readings let one suppose of an unknown capacity: to be shown, never to judge by

    @property
    def stated_usage(self) -> UsageType | None:
        """The contract class as somebody has said it; None of a meter of which nobody said anything, that is taken for industrial."""
        return None if self.guessed and self.usage_type is UsageType.INDUSTRIAL else self.usage_type


@dataclass(frozen=True)
class Column:
    """A column of a table; `dtype` is one of str, f32, f64, i32, i64, bool, time (UTC, microseconds)."""

    name: str
    dtype: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """A layer of the lake: a row means `row`; rows are sorted by the columns `order`.

    A partition without rows has no file, unless having none says something (`keeps_empty`).
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    order: tuple[str, ...] = ("meter_id", "timestamp")
    keeps_empty: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


DETECTORS = (
    "profile",
    "usad",
    "lstm_ae",
    "encdec_ad",
    "cnn_gru",
    "usage_z",
    "kmeans_ad",
    "sub_pca",
    "value_change",
    "level",
    "flat_run",
    "forecast",
    "load_shape",
    "past_days",
    "supervised",
)
SEGMENT = "segment"
EVIDENCE = (*DETECTORS, SEGMENT)
"""The sources of evidence: the detectors, and segments of the load that differ from the expected one."""

_METER = Column("meter_id", "str", "meter")
_TIME = Column("timestamp", "time", "start of the interval, UTC")
_INTERVAL = Column("interval_s", "i32", "length of the interval, seconds")
_KWH = Column("kwh", "f64", "energy of the interval, kWh; null where none came", nullable=True)
_QUALITY = Column("quality", "str", "measured, estimated, missing or suspect")
_RULE = Column("rule", "str", "the rules that make the reading suspect, joined by +", nullable=True)

_STATEMENT = Column("statement_id", "str", "the statement that gave the reading its present value")
_RESTATED = Column("restated", "bool", "true where statements differ on the reading: its value was once another one")

_STATED = (_METER, _TIME, _INTERVAL, _KWH, _QUALITY, _RULE, _STATEMENT)
_READING = (*_STATED, _RESTATED)

STATED_READINGS = Table("stated_readings", "a reading as one statement gives it", _STATED)
RAW_READINGS = Table("raw_readings", "a reading as the newest statement gives it", _READING)
VALIDATED_READINGS = Table("validated_readings", "a reading, suspicious ones marked", _READING)

FEATURES = Table(
    "features",
    "an interval of the meter's regular grid, whether a reading came or not",
    (
        _METER,
        _TIME,
        _INTERVAL,
        _KWH,
        _QUALITY,
        _RULE,
        _RESTATED,
        Column("kwh_imputed", "f64", "kwh, short gaps filled; null where a gap is too long to fill", nullable=True),
        Column("observed", "bool", "true where kwh is a reading, false where it was filled or is missing"),
        Column("diff_kwh", "f64", "kwh_imputed less that of the interval before, kWh", nullable=True),
        Column("slot_of_day", "i32", "interval of the local day, from 0"),
        Column("slot_of_week", "i32", "interval of the local week, from Monday 00:00"),
        Column("season", "str", "spring, summer, autumn or winter"),
        Column("weekend", "bool", "Saturday or Sunday, local"),
        Column("holiday", "bool", "public holiday where the meter is; false where the country is unknown"),
    ),
)
SPECTRA = Table(
    "spectra",
    "a period found in the load of a meter",
    (
        _METER,
        Column("signal", "str", "raw (detrended load) or diff (first difference)"),
        Column("rank", "i32", "1 for the strongest"),
        Column("period_s", "f64", "length of the period, seconds"),
        Column("samples", "i32", "length of the period, intervals"),
        Column("power_share", "f64", "share of the spectrum's power"),
        Column("acf", "f64", "autocorrelation of the load at that lag", nullable=True),
        Column("validated", "bool", "true where the autocorrelation confirms the period"),
    ),
    order=("meter_id", "signal", "rank"),
)

SCORES = Table(
    "scores",
    "an interval of the grid, scored",
    (
        _METER,
        _TIME,
        _INTERVAL,
        _KWH,
        _QUALITY,
        _RULE,
        _RESTATED,
        Column("expected_kwh", "f64", "expected energy, kWh", nullable=True),
        Column("low_kwh", "f64", "lower edge of the expected band (5 %), kWh", nullable=True),
        Column("high_kwh", "f64", "upper edge of the expected band (95 %), kWh", nullable=True),
        *(Column(f"s_{name}", "f32", f"score of {name}; higher is stranger", nullable=True) for name in EVIDENCE),
        *(Column(f"p_{name}", "f32", f"tail probability of s_{name} in normal operation", nullable=True) for name in EVIDENCE),
        Column("p", "f32", "fused tail probability", nullable=True),
        Column("strange_day", "bool", "true where a whole day lies outside the band and its energy is off"),
        Column("q", "f32", "p below which the meter's alarm budget lets a reading open an event", nullable=True),
        Column("hindsight", "bool", "true where the model was trained on data from after the month's start"),
        Column("model_version", "str", "bundle that scored the interval", nullable=True),
    ),
)

ANOMALIES = Table(
    "anomalies",
    "an event, as far as it lies in the month",
    (
        Column("event_id", "str", "hash of meter, category and true start"),
        _METER,
        Column("industry", "str", "industry of the meter in this month"),
        Column("usage_type", "str", "contract class of the meter"),
        Column("resolution", "str", "high, mid or low"),
        Column("start", "time", "true start, UTC; may lie in an earlier month"),
        Column("end", "time", "end of the last interval in this month, UTC"),
        Column("status", "str", "ongoing while it touches the end of the data, else closed"),
        Column("kind", "str", "what it looks like"),
        Column("category", "str", "energy or data_quality"),
        Column("severity", "f64", "from 0 to 1: the mean of confidence, size (excess or cost, the larger) and duration"),
        Column("confidence", "f64", "from 0 to 1: how far p lies below the alarm threshold, on a log scale"),
        Column("p", "f64", "smallest fused tail probability", nullable=True),
        Column("expected_kwh", "f64", "expected energy within the month's part, kWh", nullable=True),
        Column("actual_kwh", "f64", "energy within the month's part, kWh", nullable=True),
        Column("excess_kwh", "f64", "actual less expected, kWh; negative for a shortfall", nullable=True),
        Column(
            "cost",
            "f64",
            "excess at the energy charge of its hours, signed as it is, in `currency`; null for data quality, and without a tariff",
            nullable=True,
        ),
        Column("currency", "str", "ISO 4217 code of the currency of `cost`; null without a cost", nullable=True),
        Column("co2e_kg", "f64", "excess at the emission factor of its day, kg CO2e; null where there is no factor", nullable=True),
        Column("tariff_version", "str", "tariff and emission factor in force at its end, joined by +; null without a cost", nullable=True),
        Column("readings", "i32", "intervals within the month's part"),
        Column("alarmed", "i32", "intervals among them below the alarm threshold"),
        Column("longest_equal_run", "i32", "longest run of equal readings, intervals"),
        Column("low_kwh", "f64", "5 % edge of the energy expected of so many intervals, by the weeks before, kWh", nullable=True),
        Column("high_kwh", "f64", "95 % edge of it, kWh", nullable=True),
        Column("usual_low_kwh", "f64", "least energy of the same hours in the weeks before, kWh", nullable=True),
        Column("usual_high_kwh", "f64", "most energy of the same hours in the weeks before, kWh", nullable=True),
        Column("usual_weeks", "i32", "weeks before, at most six, in which these hours were read"),
        Column("before_ratio", "f64", "energy by the expected one in the hours before the event", nullable=True),
        Column("after_ratio", "f64", "energy by the expected one in the hours after the event", nullable=True),
        Column("shift_min", "f64", "of a shifted schedule: minutes that the load came later than expected, below 0 earlier", nullable=True),
        Column("fit", "f64", "share of the deviation that the shape of its kind explains, from 0 to 1", nullable=True),
        Column("next_kind", "str", "kind whose shape explains the deviation next best", nullable=True),
        Column("next_fit", "f64", "share of the deviation that the shape of next_kind explains", nullable=True),
        *(Column(f"share_{name}", "f64", f"share of {name} in the evidence", nullable=True) for name in EVIDENCE),
        Column("rule", "str", "quality rules met by its readings, joined by +", nullable=True),
        Column("restated", "i32", "intervals within the month's part whose reading was once another one"),
        Column("hindsight", "bool", "true where any of its scores is"),
        Column("model_version", "str", "bundle that scored it", nullable=True),
        Column("data_version", "str", "digest of the scores it was read from"),
    ),
    order=("meter_id", "start", "category"),
    keeps_empty=True,
)

DRIFT = Table(
    "drift",
    "what the last weeks of a meter, or of all (`*`), have become beside what the model was trained on",
    (
        _METER,
        Column("resolution", "str", "high, mid or low"),
        Column("what", "str", "load, or score: -log10 p of all meters"),
        Column("distance", "f64", "Wasserstein distance from the reference, in parts of its range from 5 to 95 %; of all loads the median"),
        Column("first_half", "f64", "the same of the first half of the days"),
        Column("second_half", "f64", "the same of the second half"),
        Column("limit", "f64", "distance from which on it is drift"),
        Column("drifted", "bool", "distance above limit"),
        Column("sustained", "bool", "both halves above limit"),
        Column("readings", "i64", "intervals compared"),
        Column("since", "time", "start of the days, UTC"),
        Column("until", "time", "start of the newest interval with a reading, UTC"),
        Column("model_version", "str", "bundle whose reference it is"),
    ),
    order=("meter_id", "resolution", "what"),
    keeps_empty=True,
)

WEATHER = Table(
    "weather",
    "a reading of something other than energy that came along",
    (
        _METER,
        _TIME,
        Column("quantity", "str", "what was measured, as the provider names it"),
        Column("value", "f64", "in the provider's unit", nullable=True),
        Column("statement_id", "str", "the statement it came in"),
    ),
    order=("meter_id", "timestamp", "quantity"),
)
LABELS = Table(
    "labels",
    "a labelled interval of a data set; for evaluation alone",
    (
        _METER,
        Column("start", "time", "start of the first labelled interval, UTC"),
        Column("end", "time", "end of the last labelled interval, UTC"),
        Column("kind", "str", "kind of fault where the data set tells it", nullable=True),
        Column("statement_id", "str", "the statement it came in"),
    ),
    order=("meter_id", "start"),
)
ARRIVALS = Table(
    "arrivals",
    "a reading that stood after a later one: it starts before the reading of its meter on the line above it",
    (_METER, _TIME, Column("statement_id", "str", "the statement it came in")),
)
QUARANTINE = Table(
    "quarantine",
    "a row that cannot be a reading",
    (
        Column("statement_id", "str", "the statement it came in"),
        Column("file", "str", "name of the file"),
        Column("row", "i64", "line of the file, the header being 1"),
        Column("meter_id", "str", "meter, where it could be read", nullable=True),
        Column("month", "str", "local month, where it could be read", nullable=True),
        Column("column", "str", "column of the cell that is at fault, where it is one", nullable=True),
        Column("text", "str", "the row or cell as it came"),
        Column("reason", "str", "why it cannot be a reading"),
    ),
    order=("row",),
)

# The assets that run together, in order: on arrival of readings, and in a night.
ARRIVAL_ASSETS = (RAW_READINGS.name, VALIDATED_READINGS.name)
NIGHT_ASSETS = (*ARRIVAL_ASSETS, FEATURES.name, SCORES.name, DRIFT.name, ANOMALIES.name)
REPORT = "report"  # after them, and not in a backfill: a page about each of many past months is read by nobody

# Ways to judge detectors; each is a partition of the asset `evaluation`.
EVALUATIONS = ("honest", "rolling", "ablation", "research", "weights")

PARTITIONED = (RAW_READINGS, VALIDATED_READINGS, FEATURES, SPECTRA, SCORES, DRIFT, ANOMALIES)
