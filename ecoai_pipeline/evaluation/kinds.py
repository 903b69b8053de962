"""Whether events are named rightly: the simulator's faults put into months of a lake, found by the models in use, kind against kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from ecoai_pipeline.domain import Category, Industry, Kind, MonthRange
from ecoai_pipeline.evaluation.injected import Portfolio, Round, portfolios
from ecoai_pipeline.evaluation.matching import depth_quartile, match_events
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.lake import Lake

# An interval counter that hangs for hours is a flat line to whoever reads its load; the kind stuck_counter is the quality rule's, of days.
# A parallel unit that is lost is less load than expected, and work on a day of rest more.
NAMED_AS = {"stuck_counter": Kind.FLAT.value, "lost_unit": Kind.SAG.value, "work_on_rest_day": Kind.SURGE.value}
FOUND = pl.Schema({"industry": pl.String(), "meter_id": pl.String(), "kind": pl.String(), "named": pl.String(), "depth": pl.Float64()})


@dataclass(frozen=True)
class Named:
    """Faults that were found (FOUND), with the kind that was put in and the one that the event was named.

    Attributes:
        faults: put in; those beside an event that is there without them are left out.
    """

    found: pl.DataFrame
    faults: int

    @property
    def confusion(self) -> pl.DataFrame:
        """A row per kind put in, a column per name given, and F1."""
        counts = self.found.pivot("named", index="kind", values="meter_id", aggregate_function="len", sort_columns=True)
        scores = pl.DataFrame(list(f1_by_kind(self.found).items()), schema=["kind", "f1"], orient="row")
        return counts.fill_null(0).join(scores, on="kind").sort("kind")

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 over the kinds put in; None where nothing was found."""
        return macro_f1(self.found)

    @property
    def by_depth(self) -> pl.DataFrame:
        """The same by quartile of the depth of the faults found: `quartile, least, most, found, macro_f1`, 1 being the shallowest."""
        parts = self.found.with_columns(depth_quartile()).partition_by("quartile", maintain_order=False, as_dict=True)
        rows = [(key[0], part["depth"].min(), part["depth"].max(), part.height, macro_f1(part)) for key, part in parts.items()]
        return pl.DataFrame(rows, schema=["quartile", "least", "most", "found", "macro_f1"], orient="row").sort("quartile")


def f1_by_kind(found: pl.DataFrame) -> dict[str, float]:
    """F1 of each kind that was put in (FOUND)."""
    put, named = found["kind"].to_list(), found["named"].to_list()
    right = {kind: sum(one == kind == other for one, other in zip(put, named, strict=True)) for kind in set(put)}
    return {kind: 2 * right[kind] / (put.count(kind) + named.count(kind)) for kind in sorted(right)}


def macro_f1(found: pl.DataFrame) -> float | None:
    """Mean over the kinds that were put in of their F1; None of no faults."""
    scores = f1_by_kind(found)
    return sum(scores.values()) / len(scores) if scores else None


def name_faults(lake: Lake, settings: Settings, months: MonthRange, rounds: int, seed: int = 0) -> Iterator[tuple[Industry, Named]]:
    """Per portfolio, put faults into its readings of some months, round after round, and name what is found of them.

    Readings of the month before are looked back into and stay as they are.
    """
    for portfolio in portfolios(lake, settings, months):
        yield portfolio.industry, joined([_named(portfolio, one) for one in portfolio.rounds(rounds, seed)])


def joined(parts: Sequence[Named]) -> Named:
    found = pl.concat([pl.DataFrame(schema=FOUND), *(part.found for part in parts)])
    return Named(found, sum(part.faults for part in parts))


def _named(portfolio: Portfolio, drawn: Round) -> Named:
    energy = drawn.found.events.filter(pl.col("category") == Category.ENERGY)
    named = match_events(energy, drawn.faults).found.join(energy.select("event_id", named="kind"), on="event_id")
    industry, kind = pl.lit(portfolio.industry.value).alias("industry"), pl.col("kind").replace(NAMED_AS)
    return Named(named.select(industry, "meter_id", kind, "named", "depth"), drawn.faults.height)
