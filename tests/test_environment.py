"""The environment itself: what must work side by side in one installation, and what stays out of the loader."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ("polars", "pyarrow", "pandas", "numba", "matplotlib", "torch", "sklearn", "tslearn", "great_expectations", "dvc", "scipy")


def test_dagster_parses_selections_beside_dvc() -> None:
    """dvc asks for an antlr with which Dagster cannot parse selections; the override in pyproject.toml serves both."""
    code = "import dagster as dg, dvc.repo; print(dg.AssetSelection.from_string('key:\"a\"+'))"
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "a" in ran.stdout


def test_the_definitions_import_nothing_heavy() -> None:
    code = f"import json, sys, ecoai_pipeline.definitions; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == []
