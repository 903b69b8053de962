"""The environment itself: what must work side by side in one installation, and what stays out of the loader."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize(("require", "said"), [("", "1 skipped"), ("1", "ECOAI_REQUIRE_ALL=1, but Skipped: needs Chromium")])
def test_what_is_missing_is_skipped_or_fails_where_all_is_required(tmp_path: Path, require: str, said: str) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_page.py").write_text("import pytest\n\ndef test_page():\n    pytest.skip('needs Chromium')\n")
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:hydra_pytest", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "ECOAI_REQUIRE_ALL": require}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert said in ran.stdout, ran.stdout + ran.stderr
    assert ran.returncode == bool(require)
