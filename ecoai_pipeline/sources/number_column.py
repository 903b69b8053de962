"""The value column of one file: read plainly until a text is written otherwise, then read as the whole column shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import polars as pl

from ecoai_pipeline.domain import Decimal
from ecoai_pipeline.sources.cells import without_unit
from ecoai_pipeline.sources.numbers import PLAIN, Evidence, NumberFormat, Read, UndecidedError, decide, other_than_plain
from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.units import SPELLINGS, Unit, factors_of, with_factors

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
        unit, unit_stated: of the file; cells may have others, unless the sender states it.
        beside: the decimal sign of the other columns, which decides where the values are open.
        comma_decides: a comma that may be either is the decimal sign.
    """

    def __init__(
        self,
        file: str,
        delimiter: str,
        columns: Iterable[str],
        typed: frozenset[str],
        stated: Decimal | None,
        decimal_of: DecimalOf,
        unit: Unit = Unit.KWH,
        *,
        unit_stated: bool = False,
        beside: Decimal | None = None,
        comma_decides: bool = False,
    ) -> None:
        self._beside, self._comma_decides = beside, comma_decides
        self._unit, self._unit_stated = unit, unit_stated
        self._units: set[Unit] = set()
        self._bare = False
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
        """Rough readings (line, cell, meter, value; or `number` already) with `number` (f64) and `number_reason` (str).

        Raises:
            OtherThanPlainError: nothing is decided yet, and a text is written otherwise; call `look` and read the file again.
        """
        if "number" in rough.columns:  # a typed column
            return rough
        texts, known = rough["value"], self._known(rough)
        if self._format is None:
            read, bare = self._read(PLAIN, texts.zip_with(known.is_null(), pl.Series([""])))
            if other_than_plain(texts if bare is None else bare["number"], read):
                raise OtherThanPlainError
            self._weigh(rough, known)
        else:
            read, bare = self._read(self._format, texts)
        for sign in known.unique().drop_nulls():
            read = _where(known == sign, self._read(_FORMATS[sign], texts)[0], read)
        found = rough.with_columns(number=read.number, number_reason=read.reason)
        self._count_bare(found, bare)
        return found if bare is None else self._in_own_units(found, bare["unit"])

    def _read(self, form: NumberFormat, texts: pl.Series) -> tuple[Read, pl.DataFrame | None]:
        """Texts as numbers; those that are none are read again without their unit, and with usual digits (`without_unit`)."""
        read = form.read(texts)
        if read.reason.null_count() == len(texts):
            return read, None
        bare = without_unit(texts)
        return _where(read.reason.is_not_null(), form.read(bare["number"]), read), bare

    def _in_own_units(self, rough: pl.DataFrame, unit: pl.Series) -> pl.DataFrame:
        """Readings whose cells have a unit with what makes kWh of them, unless the sender states the unit."""
        self._units.update(SPELLINGS[text] for text in unit.drop_nulls().unique())
        if self._unit_stated or unit.null_count() == len(unit):
            return rough
        return with_factors(rough, factors_of(pl.lit(unit)))

    def _count_bare(self, rough: pl.DataFrame, bare: pl.DataFrame | None) -> None:
        """Note whether numbers other than 0 stand without a unit: where others have another one than the file, theirs is unknown."""
        if not self._bare:
            without = rough["number"] if bare is None else rough["number"].filter(bare["unit"].is_null())
            self._bare = bool((without.drop_nulls() != 0).any())

    def confirm(self) -> None:
        """Confirm, at the end of a file that was read plainly, that plain was right.

        Raises:
            OtherThanPlainError: all points of the column may separate thousands.
            IngestError: the column can be read in two ways.
        """
        self._confirm_units()
        if self._format is not None or self._evidence.point:
            return
        if self._decided() != PLAIN:
            raise OtherThanPlainError

    def _confirm_units(self) -> None:
        """
        Raises:
            IngestError: some cells have another unit than the file and others have none.
        """
        if self._bare and not self._unit_stated and self._units - {self._unit}:
            shown = " and ".join(sorted(self._units))
            message = f"some cells of column {self._columns[0]!r} have the unit {shown}, others have none; write it in all, or say --unit"
            raise IngestError(self._file, message)

    def look(self, parts: Iterable[pl.DataFrame]) -> None:
        """Decide by all rough readings of the file.

        Raises:
            IngestError: the column can be read in two ways.
        """
        self._evidence = Evidence()
        for rough in parts:
            untyped = rough.filter(self._known(rough).is_null())
            self._evidence += Evidence.of(untyped["line"], untyped["value"])
        self._format = self._decided()

    def _weigh(self, rough: pl.DataFrame, known: pl.Series) -> None:
        """Collect evidence until a text has a point that can only be the decimal sign; nearly always the first block has one."""
        if not self._evidence.point:
            unknown = rough.filter(known.is_null())
            self._evidence += Evidence.of(unknown["line"], unknown["value"])

    def _decided(self) -> NumberFormat:
        try:
            return decide(self._evidence, self._delimiter, self._beside, comma_decides=self._comma_decides)
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
