"""Dagster and nothing else: partitions, resources, assets, checks, jobs, schedules, sensors; no computation."""

import warnings

# The release of dagster is pinned exactly, so what it calls beta (range backfills) cannot change under us.
warnings.filterwarnings("ignore", message=".*is currently in beta.*")
