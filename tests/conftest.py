"""What every test may ask for: an empty lake, the real data, settings that read no environment of the machine."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from ecoai_pipeline.settings import Settings, load_settings
from ecoai_pipeline.storage.lake import Lake

# A busy machine is no finding, so no example has a deadline; `make test-full` asks for the profile `full` and more examples.
hypothesis_settings.register_profile("quick", deadline=None)
hypothesis_settings.register_profile("full", deadline=None, print_blob=True)
hypothesis_settings.load_profile("quick")


REQUIRE_ALL = "ECOAI_REQUIRE_ALL"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where `ECOAI_REQUIRE_ALL=1`, a test that would be skipped for want of a program or of data fails and says what is missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(REQUIRE_ALL) == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome, report.longrepr = "failed", f"{item.nodeid}: {REQUIRE_ALL}=1, but {reason}"
    return report


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "root")


@pytest.fixture
def settings() -> Settings:
    return load_settings()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real public data; its layout is described in docs/real-data.md."""
    place = os.environ.get("ECOAI_REAL_DATA", "")
    if not place or not Path(place).is_dir():
        pytest.skip("needs real data: set ECOAI_REAL_DATA to the folder with lead/, kpi/ and steel/ (see docs/real-data.md)")
    return Path(place)
