"""Simulated cases, for protocols whose data nobody may publish: the chemical plants of C, the four usage types of metal in D."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ecoai_pipeline.domain import Industry, Month, MonthRange
from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.datasets import read_cases
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.sources.simulation.plan import standard_plan
from ecoai_pipeline.sources.simulation.simulator import simulate

YEAR = MonthRange(Month(2021, 1), Month(2021, 12))
METERS: Mapping[Industry, int] = {Industry.CHEMICAL: 4, Industry.METAL: 12}
_SEED = 0


def simulated(industry: Industry, settings: Settings, meters: int | None = None, months: MonthRange = YEAR) -> tuple[Case, ...]:
    """A year of an industry every quarter hour, without faults, which a protocol injects itself; named after the industry.

    Each series knows its usage type, which the files say.
    """
    plan = standard_plan().model_copy(update={"share": 0.0})
    with tempfile.TemporaryDirectory(prefix="ecoai-research-") as folder:
        many = meters or METERS.get(industry, 4)
        made = simulate(Path(folder), industries=[industry], meters_per_industry=many, months=months, seed=_SEED, plan=plan)
        return tuple(read_cases(made.files, settings, dataset=f"simulated {industry}"))
