"""The value column of one file: read plainly until a text is written otherwise, then read as the whole column shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from ecoai_pipeline.domain import Decimal
from ecoai_pipeline.sources.numbers import PLAIN, Decided, Evidence, NumberFormat, Read, UndecidedError, decide, other_than_plain
from ecoai_pipeline.sources.reasons import IngestError

DecimalOf = Callable[[str], Decimal | None]
"""The decimal sign that the registry states for a meter."""


class OtherThanPlainError(Exception):
    """A text of the column is written otherwise than programs do: the whole column must be looked at."""


class NumberColumn:
    """Reads the texts of the value column; in a wide file all value columns are one, written by one program.

    Cells that a file stores as numbers, as Parquet and workbooks do, are read as what they are. What the user states
    of the file counts before what the registry states of a meter, and that before what the column shows.

    Args:
        file, delimiter: of the file.
        columns, typed: names of the value columns, and of those columns that are stored as numbers.
        stated: the decimal sign that the user gives.
        decimal_of: the decimal sign that the registry states for a meter.
    """

    def __init__(
        self, file: str, delimiter: str, columns: Iterable[str], typed: frozenset[str], stated: Decimal | None, decimal_of: DecimalOf
    ) -> None:
        self.note: str | None = None
        self._file, self._delimiter, self._columns = file, delimiter, tuple(columns)
        self._typed = [place for place, name in enumerate(self._columns) if name in typed]
        self._decimal_of = decimal_of
        all_typed = len(self._typed) == len(self._columns)
        self._format = PLAIN if all_typed else NumberFormat.stated(stated) if stated else None
        self._by_meter = stated is None and not all_typed
        self._evidence = Evidence()

    @property
    def sign(self) -> Decimal | None:
        """The decimal sign of the texts that were read; None where the file stores numbers, or no text has a sign."""
        if len(self._typed) == len(self._columns):
            return None
        if self._format is not None:
            return self._format.decimal
        return "." if self._evidence.point or self._evidence.open_point else None

    def read(self, rough: pl.DataFrame) -> pl.DataFrame:
        """Rough readings (line, cell, meter, value) with `number` (f64) and `number_reason` (str).

        Raises:
            OtherThanPlainError: nothing is decided yet, and a text is written otherwise; call `look` and read the file again.
        """
        texts, known = rough["value"], self._known(rough)
        if self._format is None:
            read = PLAIN.read(texts.zip_with(known.is_null(), pl.Series([""])))
            if other_than_plain(texts, read):
                raise OtherThanPlainError
            self._weigh(rough, known)
        else:
            read = self._format.read(texts)
        for sign in known.unique().drop_nulls():
            read = _where(known == sign, _FORMATS[sign].read(texts), read)
        return rough.with_columns(number=read.number, number_reason=read.reason)

    def confirm(self) -> None:
        """Confirm, at the end of a file that was read plainly, that plain was right.

        Raises:
            OtherThanPlainError: all points of the column may separate thousands.
            IngestError: the column can be read in two ways.
        """
        if self._format is not None or self._evidence.point:
            return
        decided = self._decided()
        if decided.format != PLAIN:
            raise OtherThanPlainError
        self.note = decided.note

    def look(self, parts: Iterable[pl.DataFrame]) -> None:
        """Decide by all rough readings of the file.

        Raises:
            IngestError: the column can be read in two ways.
        """
        self._evidence = Evidence()
        for rough in parts:
            untyped = rough.filter(self._known(rough).is_null())
            self._evidence += Evidence.of(untyped["line"], untyped["value"])
        decided = self._decided()
        self._format, self.note = decided.format, decided.note

    def _weigh(self, rough: pl.DataFrame, known: pl.Series) -> None:
        """Collect evidence until a text has a point that can only be the decimal sign; nearly always the first block has one."""
        if not self._evidence.point:
            unknown = rough.filter(known.is_null())
            self._evidence += Evidence.of(unknown["line"], unknown["value"])

    def _decided(self) -> Decided:
        try:
            return decide(self._evidence, self._delimiter)
        except UndecidedError as error:
            shown = repr(self._columns[0]) if len(self._columns) == 1 else f"{self._columns[0]!r} … {self._columns[-1]!r}"
            advice = "say --decimal , or --decimal . (decimal= in --columns; in the inbox: decimal: ',' in options.yaml"
            advice += "; per meter: column decimal of the registry)"
            raise IngestError(self._file, f"column {shown}: {error}; {advice}") from None

    def _known(self, rough: pl.DataFrame) -> pl.Series:
        """The key of _FORMATS by which a text is to be read whatever the column shows; null for most."""
        known = pl.Series([None], dtype=pl.String).new_from_index(0, rough.height)
        if self._by_meter:
            signs = {name: self._decimal_of(name) for name in rough["meter"].unique().drop_nulls()}
            stated = {name: sign for name, sign in signs.items() if sign}
            if stated:
                known = rough["meter"].replace_strict(stated, default=None, return_dtype=pl.String)
        if self._typed:
            known = pl.Series(["typed"]).new_from_index(0, rough.height).zip_with(rough["cell"].is_in(self._typed), known)
        return known


_FORMATS = {"typed": PLAIN, ".": NumberFormat.stated("."), ",": NumberFormat.stated(",")}


def _where(mask: pl.Series, read: Read, other: Read) -> Read:
    """`read` where the mask is true, else `other`."""
    mask = mask.fill_null(value=False)
    return Read(read.number.zip_with(mask, other.number), read.reason.zip_with(mask, other.reason))
