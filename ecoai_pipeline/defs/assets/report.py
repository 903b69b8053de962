"""Report: the pages that people open in the morning, and a look at the first events in the UI."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from ecoai_pipeline.defs.assets.anomalies import Night, anomalies
from ecoai_pipeline.defs.assets.drift import drift
from ecoai_pipeline.defs.history import last_ran
from ecoai_pipeline.defs.layers import partitions_of, table_asset
from ecoai_pipeline.defs.resources import Lakehouse
from ecoai_pipeline.domain import SCORES, Industry, Partition

if TYPE_CHECKING:
    from pathlib import Path

    from ecoai_pipeline.reporting.night.contents import Contents

_THUMBNAILS = 3


@dg.asset(group_name="reports", deps=[anomalies, drift], **{**table_asset(), "kinds": {"html"}})
def report(context: dg.AssetExecutionContext, config: Night, lakehouse: Lakehouse) -> dg.MaterializeResult:
    """Of a night: the page of each industry of the run and that of the portfolio. Without a night: the page of each month."""
    from ecoai_pipeline.reporting.night.contents import About

    partitions, day = partitions_of(context), date.fromisoformat(config.day) if config.day else None
    lake, totals = lakehouse.lake(), dict[str, Any]()
    for partition in partitions if not day else [Partition(one, partitions[-1].month) for one in _industries(partitions)]:
        if not lake.info(SCORES, partition).rows:
            continue
        told = _written(context, lakehouse, About(partition.month, day, partition.industry))
        context.add_asset_metadata(told, partition_key=partition.key)
    if day:
        totals = _written(context, lakehouse, About(partitions[-1].month, day, None))
    return dg.MaterializeResult(metadata={f"run_{name}": value for name, value in totals.items()})


def _industries(partitions: list[Partition]) -> list[Industry]:
    return sorted({partition.industry for partition in partitions}, key=list(Industry).index)


def _written(context: dg.AssetExecutionContext, lakehouse: Lakehouse, about: Any) -> dict[str, Any]:
    from ecoai_pipeline.reporting.night.write import write_page

    ran = last_ran(context.instance, [about.industry] if about.industry else list(Industry), about.month)
    contents, places = write_page(lakehouse.lake(), lakehouse.settings(), about, datetime.now(UTC), ran)
    return {**_figures(contents), **_links(places), **_thumbnails(contents)}


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


def _links(places: "dict[Any, Path]") -> dict[str, Any]:
    return {f"page_{lang}": dg.MetadataValue.url(path.resolve().as_uri()) for lang, path in places.items()}


def _thumbnails(contents: "Contents") -> dict[str, Any]:
    """The first events as small pictures, since the UI opens no files."""
    import polars as pl

    from ecoai_pipeline.reporting.figures import as_markdown, load_figure
    from ecoai_pipeline.reporting.texts import tell

    pictures = []
    for card in contents.cards[:_THUMBNAILS]:
        told = tell(card.event, "en", card.zone, contents.currency)
        interval = pl.DataFrame({"start": [card.event["start"]], "end": [card.event["end"]]})
        picture = load_figure(card.explanation.load, interval, title=f"{card.event['meter_id']}: {told.kind}", zone=card.zone)
        pictures.append(f"{told.sentence}\n\n{as_markdown(picture, told.kind)}")
    return {"first_events": dg.MetadataValue.md("\n\n".join(pictures))} if pictures else {}
