"""The door Dagster opens: a loader only."""

from ecoai_pipeline.defs.build import build_definitions

defs = build_definitions()
