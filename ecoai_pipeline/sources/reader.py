"""Reading a whole file: blocks are sorted out and set aside by month, then the months of some meters at a time are settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from ecoai_pipeline.domain import Decimal, Month
from ecoai_pipeline.sources.arrival import with_behind, with_month_above
from ecoai_pipeline.sources.aside import Aside, Meters
from ecoai_pipeline.sources.canonical import (
    REFUSED,
    Parts,
    Usual,
    Zones,
    count_steps,
    may_move_on,
    place,
    relocated,
    sort_out,
    split,
    usual_of,
    without_contradictions,
)
from ecoai_pipeline.sources.clock import parted, to_utc
from ecoai_pipeline.sources.files import OpenFile, ParquetRows
from ecoai_pipeline.sources.footer import TAIL, footers
from ecoai_pipeline.sources.layout import Layout, LongLayout, Traits
from ecoai_pipeline.sources.number_column import DecimalOf, NumberColumn, OtherThanPlainError
from ecoai_pipeline.sources.numbers import sign_of
from ecoai_pipeline.sources.parts import Register, differenced
from ecoai_pipeline.sources.placing import GridRules, onto_grid
from ecoai_pipeline.sources.reasons import Reason
from ecoai_pipeline.sources.refusals import Refusals
from ecoai_pipeline.sources.sentinels import Sentinels
from ecoai_pipeline.sources.stamps import DOTTED_DATE
from ecoai_pipeline.sources.tables import Piece, Tables
from ecoai_pipeline.storage.side_by_side import one_ahead

_TAIL = pl.Schema({"line": pl.Int64(), "meter": pl.String(), "local": pl.Datetime("us")})
_WORDS_ALONE = r"^\D*[^\W\d_]\D*[,;\t|]\D*[^\W\d_]\D*$"
"""A row of two cells or more without a digit: names of something else than the columns of the table."""
Progress = Callable[[str, float], None]
CLAIMS = pl.Schema(
    {
        "line": pl.Int64(),
        "meter": pl.String(),
        "date": pl.Date(),
        "industry": pl.String(),
        "usage": pl.String(),  # null where the file gives none, or one that is unknown
        "unknown_usage": pl.String(),  # the text of an unknown one
    }
)


@dataclass(frozen=True)
class Terms:
    """What is known of a file besides its bytes."""

    traits: Traits
    zones_of: Callable[[str], Zones]
    first_month: Month
    grid: GridRules
    latest: datetime
    decimal_of: DecimalOf = lambda _meter: None
    lengths_before: Callable[[Sequence[str]], Mapping[str, int]] = lambda _meters: {}
    """By meter the length of its intervals in seconds, as earlier files gave it."""
    unit_stated: bool = False
    columns_stated: bool = False
    was_accepted: bool = False  # lakes hold files with semicolons whose open commas were read as decimal signs

    @property
    def first_key(self) -> int:
        """The first month that is accepted, as a key."""
        return self.first_month.year * 100 + self.first_month.month


class Reader:
    """One pass over a file, then one over the months of its meters; what is refused on the way gathers in `refused`.

    Memory is bounded by a block, and by `rows_at_once` readings of a month, as long as no meter has more of them.
    """

    def __init__(self, opened: OpenFile, layout: Layout, terms: Terms, folder: Path, rows_at_once: int) -> None:
        typed = layout.of_columns(opened) if isinstance(layout, LongLayout) and not terms.traits.missing else None
        self._blocks = opened.columns if typed and isinstance(opened, ParquetRows) else opened.blocks
        self._opened, self._layout, self._terms, self._folder = opened, typed or layout, terms, folder
        self._rows_at_once = rows_at_once
        stated = {"unit_stated": terms.unit_stated, "columns_stated": terms.columns_stated}
        self.tables = Tables(opened, self._layout, terms.traits, **stated)
        self.numbers = NumberColumn(
            opened.file,
            opened.delimiter,
            layout.cells,
            opened.numeric,
            terms.traits.decimal,
            terms.decimal_of,
            terms.traits.unit,
            unit_stated=terms.unit_stated,
            beside=_sign_beside(opened, layout),
            comma_decides=_has_dotted_dates(opened, layout) or (terms.was_accepted and opened.delimiter == ";"),
        )
        self._begin(folder / "read")

    def _begin(self, folder: Path) -> None:
        """Forget what was read."""
        self.refused = Refusals()
        self.tables.begin()
        self.claims = CLAIMS.to_frame()
        self._aside = Aside(folder)
        terms = self._terms
        self._abroad = terms.traits.ends
        self._steps: list[pl.DataFrame] = []
        self._meters: set[str] = set()
        self._usual = Usual(terms.grid)
        self._last_month: dict[str, int] = {}
        self._registers = False
        self._sentinels = Sentinels()
        self._marks = self._sentinels.found()
        self._tail, self._footers = _TAIL.to_frame(), list[int]()
        self._words: int | None = None

    def read(self, block_bytes: int, progress: Progress | None = None) -> None:
        """Sort out every block and set its readings aside by month.

        A file whose numbers turn out not to be plain is read again, after a look at all of its numbers.

        Raises:
            IngestError: its numbers can be read in two ways.
        """
        try:
            self._read(block_bytes, progress)
        except OtherThanPlainError:
            self.tables.begin()
            self.numbers.look(piece.rough for piece in self._pieces(block_bytes, None))
            self._begin(self._folder / "read-again")
            self._read(block_bytes, progress)
        self._marks, self._footers = self._sentinels.found(), footers(self._tail, self._words)
        self._groups = list(self._aside.groups(self._rows_at_once))
        if self._steps:
            self._usual = self._with_lengths_before(usual_of(pl.concat(self._steps), self._terms.traits, self._terms.grid))

    def _with_lengths_before(self, usual: Usual) -> Usual:
        """Meters with a single reading in the file have the interval that they had in earlier files."""
        if self._terms.traits.interval_s is not None:
            return usual
        unknown = sorted(self._meters - usual.intervals.keys())
        return replace(usual, intervals={**usual.intervals, **self._terms.lengths_before(unknown)}) if unknown else usual

    def _read(self, block_bytes: int, progress: Progress | None) -> None:
        for piece in self._pieces(block_bytes, progress):
            self._sort_out(piece)
        self.numbers.confirm()

    def _pieces(self, block_bytes: int, progress: Progress | None) -> Iterator[Piece]:
        """The rows of the file, some of one table at a time."""
        for block in one_ahead(self._blocks(block_bytes)):
            yield from self.tables.pieces(block.rows)
            if progress:
                progress("reading", block.share)
        yield from self.tables.end()

    @property
    def months_are_whole(self) -> bool:
        """Whether `months` gives all meters of a month at once."""
        return len(self._groups) == 1

    def months(self) -> Iterator[tuple[Month, pl.DataFrame]]:
        """Settled readings of whole meters, a group of meters after the other, each with its months, the latest first.

        `repeat` marks equal repeats, `behind` readings that start before the one of their meter above them in the file.
        """
        for number, meters in enumerate(self._groups):
            if self._registers:
                yield from self._settled(self._differenced(meters, self._folder / f"differenced-{number}"), None)
            else:
                yield from self._settled(self._aside, meters)

    def _differenced(self, meters: Meters, folder: Path) -> Aside:
        """Registers turned into energy, the earliest month first: the interval of a month's first one starts in the month before."""
        energy, last = Aside(folder), dict[str, Register]()
        for key in self._aside.keys:
            aside = self._take(self._aside, key, meters)
            dated = split(to_utc(aside.filter("register"), self._usual.grids, ends=False))
            self._refuse(dated)
            read = onto_grid(dated.good.select(aside.columns), self._usual.grids, self._terms.grid, ends=False)
            used, last = differenced(read, last)
            parts = split(used)
            self._refuse(parts)
            energy.put(pl.concat([relocated(parts.good), aside.filter(~pl.col("register").fill_null(value=False))]))
        return energy

    def _settled(self, aside: Aside, meters: Meters) -> Iterator[tuple[Month, pl.DataFrame]]:
        """The months of some meters, the latest first, because the end of an interval may lie in the month after its start.

        Stamps of another zone than the meter's, and ends of intervals where midnight comes twice, may lie in the month before
        or after: then the month before is placed, too.
        """
        waiting, carried = set(aside.keys), dict[int, list[pl.DataFrame]]()
        while keys := waiting | carried.keys():
            key = max(keys)
            for near in waiting & ({key, _before(key)} if self._abroad else {key}):
                waiting.remove(near)
                self._place(self._take(aside, near, meters), near, carried)
            if max(carried, default=0) < key:
                continue
            key = max(carried)
            parts = without_contradictions(pl.concat(carried.pop(key)), last_wins=self._terms.traits.last_wins)
            self._refuse(parts)
            if parts.good.height:
                yield Month(key // 100, key % 100), parts.good

    def _take(self, aside: Aside, key: int, meters: Meters | None) -> pl.DataFrame:
        """Readings of a month without lines that only the whole file shows to be none."""
        rows = aside.take(key, meters)
        if self._marks.is_empty() and not self._footers:
            return rows
        marks = self._marks.with_columns(is_mark=pl.lit(value=True))
        number = pl.col("number").cast(pl.String).str.strip_suffix(".0")
        mark = pl.format(f"{Reason.SENTINEL}; say --missing {{}}, or --missing none to keep it", number)
        is_footer = pl.col("line").is_in(self._footers)
        reason = pl.when(is_footer).then(pl.lit(Reason.FOOTER.value)).when("is_mark").then(mark)
        marked = rows.join(marks, on=["meter", "number"], how="left", maintain_order="left")
        parts = split(marked.with_columns(reason=reason).select(*rows.columns, "reason"))
        self._refuse(parts)
        return parts.good

    def _place(self, aside: pl.DataFrame, key: int, carried: dict[int, list[pl.DataFrame]]) -> None:
        """Carry readings whose stamp falls into a month to the months that they start in."""
        if aside.height == 0:
            return
        parts = place(aside, self._terms.traits, self._usual)
        self._refuse(parts)
        good = with_behind(parts.good, key)
        for rows in parted(good, "month"):
            month = int(rows["month"][0])
            if month >= self._terms.first_key:
                carried.setdefault(month, []).append(rows)
            else:
                self.refused.add(rows.with_columns(reason=pl.lit(Reason.BEFORE_FIRST.value)).select(REFUSED.names()))

    def _sort_out(self, piece: Piece) -> None:
        if piece.torn.height:
            self.refused.add(_refuse_lines(piece))
        if piece.rough.is_empty():
            return
        rough = self.numbers.read(piece.rough)
        rough = self._without_second_industries(rough, piece.table.layout.claims(piece.rows))
        parts = sort_out(rough, self._terms.traits, self._terms.zones_of, self._terms.first_key, self._terms.latest)
        self._refuse(parts)
        if not self._terms.traits.fixed_interval:
            self._steps.append(count_steps(parts.good))
            self._meters.update(parts.good.filter(pl.col("interval_s").is_null())["meter"].unique())
        self._abroad = self._abroad or not parts.good["zone"].equals(parts.good["home"]) or may_move_on(parts.good, self._terms.grid)
        self._registers = self._registers or bool(parts.good["register"].any())
        if not self._terms.traits.missing:
            self._sentinels.look(parts.good)
        self._look_at_the_end(parts)
        self._aside.put(with_month_above(parts.good, self._last_month))

    def _look_at_the_end(self, parts: Parts) -> None:
        """Keep the last readings, and the last line of words alone: they show what stands below the table."""
        if len(self._layout.cells) > 1:
            return
        tail = parts.good.tail(TAIL).select(_TAIL.names())
        self._tail = pl.concat([self._tail, tail]).tail(TAIL)
        if parts.refused.height:
            words = parts.refused.filter(reason=Reason.BAD_STAMP.value).filter(pl.col("text").str.contains(_WORDS_ALONE))
            self._words = max(words["line"].to_list(), default=self._words)

    def _refuse(self, parts: Parts) -> None:
        if parts.refused.height:
            self.refused.add(parts.refused)

    def _without_second_industries(self, rough: pl.DataFrame, claims: pl.DataFrame | None) -> pl.DataFrame:
        """Keep what the lines say of industries; refuse a line that contradicts an earlier one on the same date."""
        if claims is None:
            return rough
        told = pl.concat([self.claims, claims.cast(CLAIMS)])
        first = pl.col("industry").first().over("meter", "date", order_by="line")
        second = told.filter(pl.col("industry") != first)["line"]
        self.claims = told.filter(~pl.col("line").is_in(second.implode()))
        if second.is_empty():
            return rough
        reason = pl.when(pl.col("line").is_in(second.implode())).then(pl.lit(Reason.TWO_INDUSTRIES.value))
        return rough.with_columns(reason=pl.coalesce("reason", reason))


def _refuse_lines(piece: Piece) -> pl.DataFrame:
    """Lines that do not fit the header: one refused reading per reading that such a line holds."""
    cells, count = pl.int_ranges(0, len(piece.table.layout.cells), dtype=pl.Int32), pl.col("fields").list.len()
    return (
        piece.torn.select(
            "line",
            "text",
            cell=cells,
            meter=pl.lit(None, pl.String),
            month=pl.lit(None, pl.Int32),
            reason=pl.when(count == len(piece.table.header))
            .then(pl.lit(Reason.PARTED.value))
            .otherwise(pl.format(f"{Reason.FIELDS}; {{}} instead of {len(piece.table.header)}", count)),
        )
        .explode("cell")
        .select(REFUSED.names())
    )


def _before(key: int) -> int:
    """The month before, as a key: 202202 to 202201, 202201 to 202112."""
    return key - 1 if key % 100 > 1 else key - 89


def _has_dotted_dates(opened: OpenFile, layout: Layout) -> bool:
    """Whether a column that is read has dates as 03.03.2025, as its sample shows it."""
    if "fields" not in opened.sample.columns:
        return False
    texts = (opened.sample["fields"].list.get(place, null_on_oob=True).str.strip_chars().drop_nulls() for place in layout.needed)
    return any(len(text) > 0 and text.str.contains(DOTTED_DATE).all() for text in texts)


def _sign_beside(opened: OpenFile, layout: Layout) -> Decimal | None:
    """The decimal sign of those columns of a text that are no meter, time or value, as its sample shows it."""
    if "fields" not in opened.sample.columns:
        return None
    fields = opened.sample["fields"]
    weather = layout.mapping.weather.values() if isinstance(layout, LongLayout) else ()
    used = {place for place in layout.needed if opened.header[place] not in weather}
    others = [place for place, name in enumerate(opened.header) if place not in used and name not in opened.numeric]
    return sign_of(fields.list.get(place, null_on_oob=True).drop_nulls().str.strip_chars() for place in others)
