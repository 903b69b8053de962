"""Green Button as a source: what the plan says of a file's streams, laid over its readings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from ecoai_pipeline.domain import Quality
from ecoai_pipeline.sources.files import OpenFile
from ecoai_pipeline.sources.greenbutton import codes
from ecoai_pipeline.sources.greenbutton.codes import Flow
from ecoai_pipeline.sources.greenbutton.opened import EspiFile
from ecoai_pipeline.sources.greenbutton.plan import Plan, make_plan, number_of
from ecoai_pipeline.sources.layout import SECOND_PART, ZERO_LENGTH, Layout, Traits, stem_of
from ecoai_pipeline.sources.reasons import IngestError, Reason
from ecoai_pipeline.sources.units import Unit

_DAY_S = 86_400


@dataclass(frozen=True)
class EspiLayout:
    """A reading per row; what its stream says of it stands in a table of the plan."""

    plan: Plan
    unmapped: tuple[str, ...]
    cells: tuple[str, ...] = ("IntervalReading",)
    needed: tuple[int, ...] = ()

    @property
    def named_by_file(self) -> bool:
        return self.plan.named_by_file

    @property
    def traits(self) -> Traits:
        electric = self.plan.electric
        return Traits(
            unit=Unit.WH,
            unmapped=self.unmapped,
            zones={part.meter: part.zone for part in electric if part.zone},
            zone_doubts={part.meter: part.zone_doubt for part in electric if part.zone_doubt},
            signed_meters=frozenset(part.meter for part in electric if part.signed),
            warnings=tuple(self.plan.warnings),
        )

    def rough(self, rows: pl.DataFrame) -> pl.DataFrame:
        known = rows.join(self._parts, on="stream", how="inner", maintain_order="left")
        start, duration = number_of("start"), number_of("duration")
        zero = (duration == 0) & ~pl.col("zero_is_none") & ~pl.col("register")
        told = duration > 0
        length = pl.when(told).then(duration).when(zero).then(0).when(~pl.col("register")).then("length_s")
        usual = ~told.fill_null(value=False) & (length >= _DAY_S)
        lasted = known.with_columns(start=start, length=length, zero=zero.fill_null(value=False), usual=usual)
        return lasted.with_columns(reason=self._reason(duration)).select(
            "line",
            pl.lit(0, pl.Int32).alias("cell"),
            "text",
            "meter",
            local=pl.lit(None, pl.Datetime("us")),
            utc=pl.when(pl.col("start").abs() < 4 * 10**12)
            .then(pl.col("start") * 1_000_000)
            .cast(pl.Datetime("us"))
            .dt.replace_time_zone("UTC"),
            value=pl.col("value").str.strip_chars().fill_null(""),
            label=pl.lit(None, pl.String),
            reason="reason",
            interval_s=pl.when(pl.col("length") < 1 << 31).then("length").cast(pl.Int32),
            usual="usual",
            **_qualities(),
            per_kwh=pl.col("per_kwh") * pl.when("received").then(-1.0).otherwise(1.0),
            power="power",
            register="register",
            part=pl.when("zero").then(ZERO_LENGTH).when("received").then(SECOND_PART).cast(pl.Int8),
        )

    def claims(self, rows: pl.DataFrame) -> None:  # noqa: ARG002 - a feed says nothing of industries
        return None

    @cached_property
    def _parts(self) -> pl.DataFrame:
        """What the plan says of each stream of electricity."""
        names = ("meter", "per_kwh", "power", "length_s", "zero_is_none", "register", "received", "default_quality")
        rows = [
            (stream, *(getattr(part, name) for name in names), *(part.covered or (None, None)), part.reason)
            for stream, part in enumerate(self.plan.parts)
            if part.commodity == codes.ELECTRICITY
        ]
        kinds = (pl.String, pl.Float64, pl.Boolean, pl.Int64, pl.Boolean, pl.Boolean, pl.Boolean, pl.String, pl.Int64, pl.Int64, pl.String)
        schema = {"stream": pl.Int32, **dict(zip((*names, "covered_from", "covered_to", "part_reason"), kinds, strict=True))}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @staticmethod
    def _reason(duration: pl.Expr) -> pl.Expr:
        end = pl.col("start") + pl.col("length").fill_null(0).clip(1)
        covered = (pl.col("start") < pl.col("covered_to")) & (end > pl.col("covered_from"))
        told = pl.col("duration").str.strip_chars().fill_null("") != ""
        odd = told & (duration.is_null() | (duration < 0)) | (pl.col("length") >= 1 << 31)
        return pl.coalesce(
            "part_reason",
            pl.when(odd).then(pl.lit(Reason.BAD_INTERVAL.value)),
            pl.when("power", pl.col("length") == 0).then(pl.lit(Reason.NO_LENGTH.value)),
            pl.when(pl.col("value").str.strip_chars().fill_null("") == "").then(pl.lit(Reason.NO_VALUE.value)),
            pl.when(covered).then(pl.lit(Reason.SAME_ENERGY.value)),
        )


def _qualities() -> dict[str, pl.Expr]:
    """The worst of the codes of a reading, else the reading type's own; and the rule where it is doubted."""
    told = pl.col("quality").str.strip_chars().str.split(" ")
    by_code = {str(code): said.quality.value for code, said in codes.QUALITIES.items()}
    words = told.list.eval(pl.element().replace_strict(by_code, default=None, return_dtype=pl.String))

    def worst(*ranked: Quality) -> pl.Expr:
        found = pl.lit(None, pl.String)
        for quality in reversed(ranked):
            found = pl.when(words.list.contains(quality.value)).then(pl.lit(quality.value)).otherwise(found)
        return found

    quality = pl.coalesce(worst(Quality.SUSPECT, Quality.ESTIMATED, Quality.MEASURED), "default_quality")
    return {"quality": quality, "rule": pl.when(quality == Quality.SUSPECT.value).then(pl.lit(codes.DOUBTED))}


class GreenButton:
    name = "greenbutton"
    about = "Green Button (NAESB ESPI) XML: Atom feeds and bare interval blocks"

    def __init__(self, flow: Flow = "apart") -> None:
        self.flow = flow

    def recognises(self, header: Sequence[str]) -> bool:
        return tuple(header) == EspiFile.header

    def layout(self, opened: OpenFile) -> Layout:
        """
        Raises:
            IngestError: the file is no XML, or has no reading of electricity.
        """
        if not isinstance(opened, EspiFile):
            raise IngestError(opened.file, "it is no XML, but --source greenbutton was given; leave --source out")
        plan = make_plan(opened.scan, stem_of(opened.file), self.flow)
        if not plan.electric:
            others = "; ".join(plan.others())
            raise IngestError(opened.file, f"it has no readings of electricity, only {others}; nothing else is read")
        return EspiLayout(plan, tuple(opened.scan.unread))
