"""Report: the pages that people open in the morning, and a look at the first events in the UI."""

import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.assets.anomalies import Night, anomalies
from ecoai_pipeline.defs.assets.drift import drift
from ecoai_pipeline.defs.history import last_ran
from ecoai_pipeline.defs.layers import costs, partitions_of, table_asset
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import SCORES, Industry, Partition, Resolution

if TYPE_CHECKING:
    from pathlib import Path

    from ecoai_pipeline.reporting.night.contents import About, Contents

_THUMBNAILS = 3


@dg.asset(group_name="reports", deps=[anomalies, drift], **{**table_asset(), "kinds": {"html"}})
def report(context: dg.AssetExecutionContext, config: Night, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Of a night: the page of each industry of the run and that of the portfolio. Without a night: the page of each month."""
    from ecoai_pipeline.reporting.night.contents import About

    started = time.perf_counter()
    partitions, day = partitions_of(context), date.fromisoformat(config.day) if config.day else None
    lake, totals = lakehouse.lake(), dict[str, Any]()
    asked = partitions if not day else [Partition(one, partitions[-1].month) for one in _industries(partitions)]
    scored = [partition for partition in asked if lake.info(SCORES, partition).rows]
    whole = [About(partitions[-1].month, day, None)] if day else []
    pages = [*(About(one.month, day, one.industry) for one in scored), *whole]
    for partition, about in zip(scored, pages, strict=False):
        told = _written(context, lakehouse, about, pages)
        context.add_asset_metadata(told, partition_key=partition.key)
    for about in whole:
        totals = _written(context, lakehouse, about, pages)
    told = {f"run_{name}": value for name, value in totals.items()}
    return dg.MaterializeResult(metadata={**told, "run_rows": totals.get("alarms", 0), **costs(started)})


def _industries(partitions: list[Partition]) -> list[Industry]:
    return sorted({partition.industry for partition in partitions}, key=list(Industry).index)


def _written(context: dg.AssetExecutionContext, lakehouse: Lakehouse, about: "About", beside: "list[About]") -> dict[str, Any]:
    from ecoai_pipeline.reporting.night.write import write_page

    ran = last_ran(context.instance, [about.industry] if about.industry else list(Industry), about.month)
    contents, places = write_page(lakehouse.lake(), lakehouse.settings(), about, datetime.now(UTC), ran, beside=beside)
    pages = {f"page_{lang}": path for lang, path in places.items()}
    return {**_figures(contents), **_paths({**pages, **_beside(lakehouse, contents)}), **_thumbnails(contents)}


def _figures(contents: "Contents") -> dict[str, Any]:
    """What an operator would ask first."""
    alarms, stake = contents.alarms, contents.stake
    return {
        "meters": contents.meters,
        "alarms": alarms.shown,
        "alarms_in_month": alarms.in_month,
        "budget_in_month": round(alarms.budget, 1),
        "excess_kwh": round(stake.excess_kwh, 1),
        "missing_kwh": round(stake.missing_kwh, 1),
        "data_events": contents.data_events.height,
    }


def _paths(places: "dict[str, Path]") -> dict[str, Any]:
    """Paths to copy: a browser opens no file from a page that came over http."""
    return {name: dg.MetadataValue.path(str(path.absolute())) for name, path in places.items() if path.exists()}


def _beside(lakehouse: Lakehouse, contents: "Contents") -> "dict[str, Path]":
    """What else there is to read: Data Docs, the page on data quality, and the cards of the models that scored."""
    from ecoai_pipeline.detection.model import card_place
    from ecoai_pipeline.reporting.data_quality import KIND
    from ecoai_pipeline.storage.bundles import Bundles

    lake, about = lakehouse.lake(), contents.about
    found = {"data_docs": lake.docs / "latest" / "index.html"}
    if about.industry:
        found["data_quality"] = lake.report(KIND, Partition(about.industry, about.month))
        for resolution, version in contents.scored[0].models.items() if contents.scored else ():
            found[f"model_card_{resolution}"] = card_place(Bundles(lake), about.industry, Resolution(resolution), version)
    return found


def _thumbnails(contents: "Contents") -> dict[str, Any]:
    """The first events as small pictures, since the UI opens no files."""
    import polars as pl

    from ecoai_pipeline.escape import markdown
    from ecoai_pipeline.reporting.figures import as_markdown, load_figure
    from ecoai_pipeline.reporting.texts import tell

    pictures = []
    for card in contents.cards[:_THUMBNAILS]:
        told = tell(card.event, "en", card.zone, card.place)
        interval = pl.DataFrame({"start": [card.event["start"]], "end": [card.event["end"]]})
        picture = load_figure(card.explanation.load, interval, title=f"{card.event['meter_id']}: {told.kind}", zone=card.zone)
        pictures.append(f"{markdown(told.sentence)}\n\n{as_markdown(picture, told.kind)}")
    return {"first_events": dg.MetadataValue.md("\n\n".join(pictures))} if pictures else {}
