"""What the sender of a file says about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Self, get_args

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails

from ecoai_pipeline.domain import Decimal, Industry, time_zone, unmistakable_zone
from ecoai_pipeline.sources.greenbutton.codes import Flow
from ecoai_pipeline.sources.header import Opening
from ecoai_pipeline.sources.lengths import seconds_of
from ecoai_pipeline.sources.mapping import AROUND, ColumnMapping, read_decimal, without_unset
from ecoai_pipeline.sources.units import Unit, read_unit


def _flow(text: str) -> Flow:
    known: dict[str, Flow] = {word: word for word in get_args(Flow)}
    if text not in known:
        raise ValueError(f"{text!r} is unknown; known are {', '.join(known)}")
    return known[text]


_READERS: dict[str, Callable[[str], Any]] = {
    "industry": Industry.parse,
    "unit": read_unit,
    "columns": ColumnMapping.inline,
    "flow": _flow,
    "decimal": read_decimal,
    "start": datetime.fromisoformat,
    "interval_s": seconds_of,
}
"""How the text of an option is read."""
_WRITTEN = {"written": True}


class IngestOptions(BaseModel):
    """What the sender of a file says about it; all of it may be left to the file itself. Texts are read as people write them."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    source: str | None = None
    industry: Industry | None = None
    zone: str | None = None
    unit: Unit | None = None
    columns: ColumnMapping | None = None
    flow: Flow | None = None
    decimal: Decimal | None = None
    missing: str | None = Field(None, min_length=1)  # values that mean a missing reading, parted by |
    skip_rows: int | None = Field(None, ge=0, le=100_000)
    header_row: int | None = Field(None, ge=0, le=100_000)
    sheet: str | None = None
    encoding: str | None = None
    start: datetime | None = None  # of the first value, where the file has no times
    interval_s: int | None = Field(None, gt=0, le=86_400, validation_alias=AliasChoices("interval", "interval_s"))

    @field_validator(*_READERS, mode="before")
    @classmethod
    def _read(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            return _READERS[str(info.field_name)](value)
        return ColumnMapping.of(value) if info.field_name == "columns" and isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.start is None) != (self.interval_s is None):
            raise ValueError("--start and --interval belong together: the time of the first value, and the step to the next")
        return self

    @model_serializer(mode="wrap")
    def _dumped(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(dump(self), ("flow", "decimal", "missing", *AROUND, "start", "interval_s"))

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
    def _known_zone(cls, zone: str | None, info: ValidationInfo) -> str | None:
        """Old statements may have a zone that is refused today where a person writes it."""
        return zone and (unmistakable_zone(zone) if info.context == _WRITTEN else time_zone(zone))

    @classmethod
    def written(cls, values: Mapping[str, Any]) -> Self:
        """Options as a person writes them: Korean names of industries, lengths of time as `15min`, columns as a mapping or inline.

        Raises:
            ValidationError: a key is unknown, or a value cannot be understood.
        """
        return cls.model_validate(dict(values), context=_WRITTEN)

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
        missing: str | None = None,
        skip_rows: int | None = None,
        header_row: int | None = None,
        sheet: str | None = None,
        encoding: str | None = None,
        start: str | None = None,
        interval: str | None = None,
    ) -> Self:
        """Options of a command line: as `written`, and the columns may be a file.

        Raises:
            ValueError: one of them cannot be understood; the message lists what is known.
        """
        texts = {
            "source": source,
            "industry": industry,
            "zone": zone,
            "unit": unit,
            "flow": flow,
            "decimal": decimal,
            "missing": missing,
            "skip_rows": skip_rows,
            "header_row": header_row,
            "sheet": sheet,
            "encoding": encoding,
            "start": start,
            "interval": interval,
        }
        try:
            return cls.written({"columns": _columns(columns), **{name: text for name, text in texts.items() if text != ""}})
        except ValidationError as error:
            raise ValueError("; ".join(f"{_option_name(fault['loc'])}{plain(fault)}" for fault in error.errors())) from None


def option_names() -> tuple[str, ...]:
    """The options as people write them in a file."""
    return tuple("interval" if name == "interval_s" else name for name in IngestOptions.model_fields)


def plain(fault: ErrorDetails) -> str:
    """What is wrong with an option."""
    return fault["msg"].removeprefix("Value error, ")


def _columns(text: str | None) -> ColumnMapping | None:
    try:
        return ColumnMapping.parse(text) if text else None
    except ValueError as error:
        raise ValueError(f"--columns: {error}") from None


def _option_name(place: tuple[int | str, ...]) -> str:
    """The option that a fault is about, with a colon; nothing where it is about several."""
    return f"--{str(place[0]).replace('_', '-')}: " if place else ""
