"""Why a row cannot be a reading, and why a file cannot be used: one closed list, one error."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from ecoai_pipeline.sources.names import readable_name


class Reason(StrEnum):
    """Everything that sends a row to quarantine. A detail may follow in the table, after `; `."""

    FIELDS = "the line has more or fewer fields than the header"
    TOTAL_ROW = "the row is a total of others, no reading"
    PARTED = "a decimal comma without quotes may have parted the value: quote such numbers, or say --decimal . if they are whole"
    FOOTER = "the line stands below the table and its grid, as the time of an export does"
    SENTINEL = "the value repeats and lies far from all others, as a mark of missing readings"
    NO_METER = "the meter is not named"
    BAD_STAMP = "the date or time cannot be read"
    BEFORE_FIRST = "the date lies before first_month of params.yaml"
    FUTURE = "the time lies in the future of the file's receipt"
    NO_SUCH_TIME = "the local time does not exist (clocks went forward)"
    NO_VALUE = "the reading has no value"
    NOT_A_NUMBER = "the value is not a number"
    AMBIGUOUS_NUMBER = (
        "the sign before three digits may be the decimal sign or separate thousands: say which with --decimal , or --decimal . "
        "(decimal= in --columns; decimal in options.yaml of the inbox; column decimal of the registry)"
    )
    PERCENTAGE = "the value is a percentage, no energy: name the column of the energy with kwh= in --columns"
    MARKED = (
        "a letter or sign stands behind the number: if it marks the quality, say what it means with quality=COLUMN,quality.E=estimated in "
        "--columns, COLUMN being that of the values"
    )
    NOT_FINITE = "the value is not finite"
    BAD_INTERVAL = "the length of the interval is no number of seconds above 0"
    UNKNOWN_QUALITY = "the quality is none of measured, estimated, missing and suspect"
    NO_LENGTH = "it lasts no time, and no reading starts with it"
    NOT_ENERGY = "it is electricity, but no energy"
    NOT_KWH = "it is another commodity or unit than kWh of electricity"
    NO_READING_TYPE = "what the reading type says cannot be read"
    SAME_ENERGY = "readings of shorter intervals tell the same energy"
    UNEQUAL = "its interval is not as long as that of the other direction"
    SUPERSEDED = "another row of the file about the same interval has a better quality"
    REPLACED = "a later row of the file about the same interval replaces it"
    ROUNDED_METER = "the meter id is a rounded number whose last digits are lost: write ids as text"
    CONFLICT = "it contradicts an earlier row of the file about the same interval"
    NO_INTERVAL = "the length of the interval is unknown, in the file and in earlier ones: give interval_s in --columns"
    UNKNOWN_INDUSTRY = "the industry is unknown"
    TWO_INDUSTRIES = "an earlier line of the file puts the meter into another industry on the same date"
    OTHER_INDUSTRY = "the meter is registered in another industry in this month"
    ERASED = "the meter was erased: nothing of the row is kept"


class IngestError(ValueError):
    """A file that cannot be used.

    Attributes:
        file: its name.
        reasons: readings refused by reason, where rows were the trouble.
    """

    def __init__(self, file: str | Path, message: str, reasons: Mapping[str, int] | None = None) -> None:
        self.file = readable_name(file.name if isinstance(file, Path) else file)
        self.reasons = dict(reasons or {})
        counted = "".join(f"\n  {count} x {reason}" for reason, count in self.reasons.items())
        super().__init__(f"{self.file}: {message}{counted}")


class NoTableError(IngestError):
    """A file that holds no table of readings: beside others it is passed over."""


class FileChangedError(IngestError):
    """A file that was written to while it was read; nothing of it was kept."""
