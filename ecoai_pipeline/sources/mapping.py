"""Which column of a long table means what: given by a user for `table`, built in for the known data sets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from ecoai_pipeline.domain import Decimal, Quality, time_zone
from ecoai_pipeline.sources.units import Unit, read_unit

FILE_STEM = "@filename"
_ITEMS = re.compile(r",(?=[^,=]+=)")
"""The commas between NAME=COLUMN; a comma that no name follows belongs to the column, as in `decimal=,`."""


_PARTS = {"weather": "weather", "quality": "quality_codes"}
"""Names that are written with a point and a name of the user's behind it, and the field that collects them."""
_LATER = ("interval", "end", "quality", "quality_codes", "is_register", "rule", "decimal", "missing")
AROUND = ("skip_rows", "header_row", "sheet", "encoding")
"""What a sender may say about the file around its table, in a mapping or as options."""


def without_unset(values: dict[str, Any], later: tuple[str, ...]) -> dict[str, Any]:
    """Leave out what was added later and is not set: ids of statements are digests of what is dumped."""
    return {name: value for name, value in values.items() if name not in later or value is not None}


def read_decimal(text: str) -> Decimal:
    """The decimal sign as people write it.

    >>> read_decimal(","), read_decimal('","'), read_decimal("Point")
    (',', ',', '.')

    Raises:
        ValueError: it is neither.
    """
    word = text.strip().strip("'\"").lower()
    if word not in _DECIMALS:
        raise ValueError(f"the decimal sign {text!r} is unknown; known are , and . (or comma and point)")
    return _DECIMALS[word]


_DECIMALS: dict[str, Decimal] = {",": ",", "comma": ",", ".": ".", "point": "."}


class ColumnMapping(BaseModel):
    """Columns of a long table, one row per reading: the keys of `--columns`. `ecoai formats table` prints them from here."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, coerce_numbers_to_str=True)

    meter: str = Field(
        FILE_STEM,
        min_length=1,
        description="column of the meter's id; @filename: the file's name without its ending; =NAME: this very name",
        examples=["meter_no", "@filename", "=plant-7"],
    )
    timestamp: str = Field(
        min_length=1,
        description="column of the time of a reading; several: DATE+TIME, YEAR+MONTH+DAY+HOUR",
        examples=["date", "DATE+START TIME"],
    )
    kwh: str = Field(
        min_length=1,
        description="column of the value, in `unit`; of a meter each: M1|M2",
        examples=["Usage_kWh", "M1|M2"],
    )
    interval: str | None = Field(None, description="column of the length of each interval, seconds", examples=["seconds"])
    end: str | None = Field(None, description="column of the end of each interval, where `timestamp` is its start", examples=["END TIME"])
    quality: str | None = Field(
        None,
        description="column of words: measured, estimated, missing or suspect; that of the values where codes follow the numbers",
        examples=["status"],
    )
    quality_codes: dict[str, Quality] | None = Field(
        None, description="what the codes of that column mean, written quality.A=measured,quality.E=estimated", examples=["measured"]
    )
    is_register: bool | None = Field(
        None,
        alias="register",
        description="the values are readings of a register that counts up; its differences are the energy",
        examples=["true"],
    )
    rule: str | None = Field(None, description="column of the rules that make the reading suspect", examples=["doubt"])
    label: str | None = Field(None, description="column of labels, 1 for an anomaly; used by evaluation alone", examples=["anomaly"])
    weather: dict[str, str] = Field({}, description="column of something else that was measured, by its name", examples=["temp_c"])
    format: str | None = Field(
        None,
        description="order of the date (dmy, mdy, ymd), a form as strptime writes it, or epoch, epoch_ms, excel, ticks",
        examples=["dmy", "%d/%m/%Y %H:%M"],
    )
    zone: str | None = Field(None, description="time zone of the times", examples=["Europe/Berlin"])
    stamp: Literal["start", "end"] = Field("start", description="whether a time is the start or the end of its interval", examples=["end"])
    midnight_closes_day: bool = Field(False, description="00:00 carries the date of the day that it ends", examples=["true"])
    unit: Unit = Field(Unit.KWH, description="unit of the values; a power is the mean of its interval", examples=["Wh"])
    decimal: Decimal | None = Field(None, description="decimal sign of the values: , or .; else as the column shows", examples=[","])
    missing: str | None = Field(
        None,
        min_length=1,
        description="values that mean a missing reading, parted by |; none: no value does",
        examples=["-999", "-999|n/a"],
    )
    signed: bool = Field(False, description="negative values are energy that is fed in", examples=["true"])
    interval_s: int | None = Field(
        None, gt=0, le=86_400, description="length of the interval, seconds, for meters with few readings", examples=["900"]
    )
    skip_rows: int | None = Field(None, ge=0, le=100_000, description="lines above the header", examples=["4"])
    header_row: int | None = Field(None, ge=0, le=100_000, description="line of the header, from 1; 0: there is none", examples=["5"])
    sheet: str | None = Field(None, description="the sheet of a workbook", examples=["Readings"])
    encoding: str | None = Field(None, description="encoding of a text file", examples=["cp949"])

    @field_validator("unit", mode="before")
    @classmethod
    def _known_unit(cls, text: object) -> object:
        return read_unit(text) if isinstance(text, str) else text

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.quality_codes and self.quality is None:
            raise ValueError("quality.CODE=… needs quality=COLUMN, the column of the codes")
        if self.is_register and self.unit.is_power:
            raise ValueError(f"register=true needs a unit of energy, {self.unit} is one of power")
        return self

    @property
    def says_side(self) -> bool:
        """Whether the sender says on which side of its interval a stamp lies, or gives both."""
        return "stamp" in self.model_fields_set or self.end is not None

    @field_validator("decimal", mode="before")
    @classmethod
    def _known_decimal(cls, text: object) -> object:
        return read_decimal(text) if isinstance(text, str) else text

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return zone and time_zone(zone)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `FILE.yaml`, or `meter=@filename,timestamp=date,kwh=Usage_kWh,weather.temperature=temp`.

        Raises:
            ValueError: a name is unknown, a needed one is missing, or the file cannot be read.
        """
        if Path(text).suffix.lower() in (".yaml", ".yml"):
            try:
                told = yaml.safe_load(Path(text).read_text(encoding="utf-8"))
            except FileNotFoundError:
                raise ValueError(f"column mapping {text}: there is no such file") from None
            except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:  # a date that is none is a ValueError of its own
                raise ValueError(f"column mapping {text} cannot be read as YAML: {error}") from None
            return cls._checked(told, text)
        return cls.inline(text)

    @classmethod
    def inline(cls, text: str) -> Self:
        """Read `meter=@filename,timestamp=date,kwh=Usage_kWh,weather.temperature=temp`.

        Raises:
            ValueError: a name is unknown, or a needed one is missing.
        """
        values: dict[str, Any] = {}
        for item in _ITEMS.split(text):
            name, equals, column = item.partition("=")
            if not equals:
                raise ValueError(f"column mapping: {item!r} is not NAME=COLUMN; a column name with a comma needs a FILE.yaml")
            part, dot, rest = name.strip().partition(".")
            if dot and part in _PARTS:
                values.setdefault(_PARTS[part], {})[rest] = column.strip()
            else:
                values[name.strip()] = column.strip()
        return cls._checked(values, text)

    @model_serializer(mode="wrap")
    def _dumped(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(
            dump(self), ("interval", "end", "quality", "quality_codes", "is_register", "rule", "decimal", "missing", *AROUND)
        )

    @classmethod
    def of(cls, values: Any) -> Self:
        """Read columns by their names.

        Raises:
            ValueError: a name is unknown, or a needed one is missing; the message lists those that are known.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            known = ", ".join(field.alias or name for name, field in cls.model_fields.items())
            raise ValueError(f"{faults}; known names are {known}, weather.NAME, quality.CODE") from None

    @classmethod
    def _checked(cls, values: Any, origin: str) -> Self:
        try:
            return cls.of(values)
        except ValueError as error:
            raise ValueError(f"column mapping {origin}: {error}") from None
