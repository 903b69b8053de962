"""What users get, in figures: `evaluate product`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.first_look import Plan
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, Steps, progress_bar
from ecoai_pipeline.cli.pipeline import new_lake, reporting_runner, train_all
from ecoai_pipeline.cli.readings import ingest_paths
from ecoai_pipeline.domain import FEATURES, VALIDATED_READINGS, Industry, Month, MonthRange, Partition
from ecoai_pipeline.settings import load_settings

if TYPE_CHECKING:
    import polars as pl

    from ecoai_pipeline.evaluation.product import Product

TRAINED, JUDGED = MonthRange(Month(2025, 1), Month(2025, 3)), MonthRange(Month(2025, 4), Month(2025, 4))


@dataclass(frozen=True)
class _Estate:
    """A lake with trained models, the months to judge, and the announced stops in them."""

    name: str
    months: MonthRange
    planned: pl.DataFrame | None


def product(
    seeds: Annotated[str | None, typer.Option(help="Simulated portfolios A..B to judge on.", show_default=False)] = None,
    faults: Annotated[
        str | None, typer.Option(help="Faults to put in: v1 (standard), v2 (other shapes) or a YAML file.", show_default=False)
    ] = None,
    path: Annotated[
        list[Path] | None, typer.Option("--path", help="File or folder of real readings, repeatable.", show_default=False)
    ] = None,
    meters: Annotated[int, typer.Option(min=1, help="Simulated meters per industry.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="How often faults are drawn anew.")] = 10,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Events as users get them, held against faults put into months that no model has seen.

    Portfolios are simulated and trained once in a folder of their own below the root, and judged again from there. Of real files the last
    third of the months is judged, at most six, and the year before trained on.
    """
    from ecoai_pipeline.evaluation.injected import portfolios
    from ecoai_pipeline.evaluation.product import NOTHING, judge
    from ecoai_pipeline.sources.simulation.plan import find_plan

    if not seeds and not path:
        raise typer.BadParameter("name --seeds A..B for simulated plants, or --path for readings of your own")
    plan, whole = find_plan(faults) if faults else None, NOTHING
    with progress_bar() as steps:
        for estate in _estates(seeds, path or [], meters, steps):
            found = list(portfolios(new_lake(), load_settings(), estate.months))
            steps.start(f"judging {estate.name}", len(found))
            for portfolio in found:
                whole += judge(portfolio, rounds, 0, plan, estate.planned)
                steps.done(portfolio.industry.value)
    _answer(whole).show(form, as_json)


def _answer(found: Product) -> Answer:
    figures = found.figures
    rows = [{"figure": name, "value": value} for name, value in figures.items()]
    notes = [
        f"{row['kind']}: {row['found']} of {row['faults']} found, {row['findable']} findable; "
        + (f"IoU {row['iou']:.2f}, {row['pieces']:.2f} events each" if row["found"] else "")
        for row in found.by_kind
    ]
    notes += [
        f"depth from {row['least']:.1f}: {row['found']} of {row['faults']} found, {row['findable']} findable" for row in found.by_depth
    ]
    document: dict[str, Any] = {**figures, "by_kind": found.by_kind, "by_depth": found.by_depth}
    return Answer(document, rows, title="what users get", notes=notes)


def _estates(seeds: str | None, paths: list[Path], meters: int, steps: Steps) -> Iterator[_Estate]:
    """Each with ECOAI_ROOT at its lake."""
    home = new_lake().root / "product"
    for seed in _numbers(seeds) if seeds else ():
        yield _simulated(home / f"seed={seed}-meters={meters}", seed, meters, steps)
    if paths:
        yield _real(home / "real", paths, steps)


def _simulated(root: Path, seed: int, meters: int, steps: Steps) -> _Estate:
    """A portfolio of all industries; months that are trained on have faults as plants have them, those that are judged have none."""
    from ecoai_pipeline.evaluation.matching import read_stops
    from ecoai_pipeline.sources.ingest import IngestOptions
    from ecoai_pipeline.sources.simulation import MAINTENANCE
    from ecoai_pipeline.sources.simulation.plan import standard_plan
    from ecoai_pipeline.sources.simulation.simulator import simulate

    os.environ["ECOAI_ROOT"] = str(root)
    judged = root / "judged"
    if not _ready(JUDGED):
        steps.start(f"simulating seed {seed}", 1)
        plants = partial(simulate, industries=list(Industry), meters_per_industry=meters, seed=seed)
        before = plants(root / "trained", months=TRAINED)
        after = plants(judged, months=JUDGED, plan=standard_plan().model_copy(update={"share": 0.0}))
        ingest_paths([*before.files, *after.files], IngestOptions(), before.registry, dry_run=False, steps=steps)
        _train(TRAINED, JUDGED, steps)
    return _Estate(f"seed {seed}", JUDGED, read_stops(judged / MAINTENANCE))


def _real(root: Path, paths: list[Path], steps: Steps) -> _Estate:
    from ecoai_pipeline.sources.ingest import IngestOptions

    os.environ["ECOAI_ROOT"] = str(root)
    if not new_lake().partitions(VALIDATED_READINGS):
        ingest_paths(paths, IngestOptions(), None, dry_run=False, steps=steps)
    plan = Plan.of({partition.month for partition in new_lake().partitions(VALIDATED_READINGS)})
    if not _ready(plan.score):
        _train(plan.train, plan.score, steps)
    return _Estate("real readings", plan.score, None)


def _train(trained: MonthRange, judged: MonthRange, steps: Steps) -> None:
    train_all(None, None, trained, steps)
    industries = [one for one in Industry if any(month in set(judged) for month in new_lake().months(VALIDATED_READINGS, one))]
    with reporting_runner(steps) as runner:
        steps.start("features", len(industries) * len(list(judged)))
        runner.tables([FEATURES.name], dict.fromkeys(industries, judged))


def _ready(months: MonthRange) -> bool:
    """Whether the lake has features of the months to judge, which are made last."""
    return any(new_lake().info(FEATURES, Partition(industry, month)).rows for industry in Industry for month in months)


def _numbers(text: str) -> range:
    """
    >>> list(_numbers("3..5")), list(_numbers("7"))
    ([3, 4, 5], [7])
    """
    first, _, last = text.partition("..")
    try:
        return range(int(first), int(last or first) + 1)
    except ValueError:
        raise typer.BadParameter(f"--seeds {text}: write one number, or two as 41..42") from None
