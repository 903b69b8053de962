"""What the sender of a file says about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Self, TypeVar, get_args

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

from ecoai_pipeline.domain import Industry, time_zone, unmistakable_zone
from ecoai_pipeline.sources.greenbutton.codes import Flow
from ecoai_pipeline.sources.header import Opening
from ecoai_pipeline.sources.lengths import seconds_of
from ecoai_pipeline.sources.mapping import AROUND, ColumnMapping, read_decimal, without_unset
from ecoai_pipeline.sources.numbers import Decimal
from ecoai_pipeline.sources.units import Unit, read_unit

T = TypeVar("T")


class IngestOptions(BaseModel):
    """What the sender of a file says about it; all of it may be left to the file itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = None
    industry: Industry | None = None
    zone: str | None = None
    unit: Unit | None = None
    columns: ColumnMapping | None = None
    flow: Flow | None = None
    decimal: Decimal | None = None
    skip_rows: int | None = Field(None, ge=0, le=100_000)
    header_row: int | None = Field(None, ge=0, le=100_000)
    sheet: str | None = None
    encoding: str | None = None
    start: datetime | None = None  # of the first value, where the file has no times
    interval_s: int | None = Field(None, gt=0, le=86_400)

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.start is None) != (self.interval_s is None):
            raise ValueError("--start and --interval belong together: the time of the first value, and the step to the next")
        return self

    @model_serializer(mode="wrap")
    def _dumped(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(dump(self), ("flow", "decimal", *AROUND, "start", "interval_s"))

    def opening(self, expected: tuple[str, ...] = ()) -> Opening:
        """How the file is to be opened; what is said beside a mapping goes before what the mapping says.

        Args:
            expected: names that the header must have.
        """
        said = {name: getattr(self, name) for name in AROUND}
        mapped = {name: getattr(self.columns, name) for name in AROUND} if self.columns else {}
        return Opening(
            **{name: mapped.get(name) if value is None else value for name, value in said.items()},
            expected=expected,
            values_only=self.start is not None,
        )

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return zone and time_zone(zone)

    @classmethod
    def of(
        cls,
        *,
        source: str | None = None,
        industry: str | None = None,
        zone: str | None = None,
        unit: str | None = None,
        columns: str | None = None,
        flow: str | None = None,
        decimal: str | None = None,
        skip_rows: int | None = None,
        header_row: int | None = None,
        sheet: str | None = None,
        encoding: str | None = None,
        start: str | None = None,
        interval: str | None = None,
    ) -> Self:
        """Options as a person writes them: Korean names of industries, a mapping as a file or inline.

        Raises:
            ValueError: one of them cannot be understood; the message lists what is known.
        """
        try:
            return cls(
                source=source or None,
                industry=_option("industry", Industry.parse, industry),
                zone=_option("zone", unmistakable_zone, zone),
                unit=_option("unit", read_unit, unit),
                columns=_option("columns", ColumnMapping.parse, columns),
                flow=_option("flow", _flow, flow),
                decimal=_option("decimal", read_decimal, decimal),
                skip_rows=skip_rows,
                header_row=header_row,
                sheet=sheet or None,
                encoding=encoding or None,
                start=_option("start", datetime.fromisoformat, start),
                interval_s=_option("interval", seconds_of, interval),
            )
        except ValidationError as error:
            raise ValueError("; ".join(f"{_option_name(fault['loc'])}{_plain(fault['msg'])}" for fault in error.errors())) from None


def _flow(text: str) -> Flow:
    known: dict[str, Flow] = {word: word for word in get_args(Flow)}
    if text not in known:
        raise ValueError(f"{text!r} is unknown; known are {', '.join(known)}")
    return known[text]


def _option(name: str, read: Callable[[str], T], text: str | None) -> T | None:
    """Read an option's text; an error names the option."""
    try:
        return read(text) if text else None
    except ValueError as error:
        raise ValueError(f"--{name}: {error}") from None


def _option_name(place: tuple[int | str, ...]) -> str:
    """The option that a fault is about, with a colon; nothing where it is about several."""
    return f"--{str(place[0]).replace('_', '-')}: " if place else ""


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
