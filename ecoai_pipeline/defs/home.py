"""Where Dagster keeps the records of a lake. Imports no Dagster, which takes seconds."""

from __future__ import annotations

import os
from pathlib import Path

from ecoai_pipeline.settings import PROJECT

SCHEDULES = ("nightly", "monthly_training")
SENSORS = ("inbox", "follow_ups", "versions", "retraining")
ON_BY_DEFAULT = ("follow_ups",)
# Starting a run imports Dagster and this package. A busy machine needs more than Dagster's 60 s, after which the run counts as failed.
ENVIRONMENT = {"DAGSTER_GRPC_TIMEOUT_SECONDS": "300"}


def home_of(root: Path) -> Path:
    """DAGSTER_HOME if set, the project's own home for the project's lake, else a home inside the root, so that two lakes never
    share their records."""
    if os.environ.get("DAGSTER_HOME"):
        return Path(os.environ["DAGSTER_HOME"])
    return PROJECT / "dagster_home" if root.resolve() == PROJECT / "data" else root.resolve() / "dagster_home"
