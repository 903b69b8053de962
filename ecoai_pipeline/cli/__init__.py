"""The door people type: `ecoai …`. Commands materialize the same Dagster assets as the UI does."""

from __future__ import annotations

from ecoai_pipeline.cli.app import main

__all__ = ["main"]
