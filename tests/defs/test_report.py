"""The asset `report`: pages of a night and of a month, what the UI shows of them, and that a meter that is forgotten leaves them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ecoai_pipeline.cli.bench_report import NIGHT, make_night
from ecoai_pipeline.defs.jobs import ASSETS_OF, TOLD_THE_NIGHT
from ecoai_pipeline.defs.partitions import range_tags
from ecoai_pipeline.defs.runs import runner
from ecoai_pipeline.domain import Industry, Month, MonthRange
from ecoai_pipeline.reporting.night.contents import About
from ecoai_pipeline.reporting.night.write import write_page
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.erasure import Name
from ecoai_pipeline.storage.lake import Lake

MARCH = Month.of(NIGHT)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lake")
    make_night(made, 16, 12)
    return made


def materialized(root: Path, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Metadata of each partition that a run over two industries told of."""
    with runner(root) as ready:
        made = ready.run(
            ["report"], range_tags(Industry.METAL, MonthRange(MARCH, MARCH), Industry.FOOD), {"ops": {"report": {"config": config}}}
        )
    return {one.partition: one.metadata for one in made}


def test_a_night_has_a_page_per_industry_and_one_of_the_portfolio(root: Path) -> None:
    told = materialized(root, {"day": NIGHT.isoformat()})
    folder = root / "reports" / "night" / NIGHT.isoformat()
    pages = {f"{name}.{lang}.html" for name in ("industry=metal", "industry=food", "portfolio") for lang in ("en", "ko")}
    assert {path.name for path in folder.iterdir()} == pages
    metal = told["metal|2025-03-01"]
    assert (metal["meters"], metal["alarms"], metal["run_meters"], metal["run_alarms"]) == (2, 2, 16, 12)
    assert metal["page_ko"] == (folder / "industry=metal.ko.html").resolve().as_posix()
    assert metal["run_page_en"] == (folder / "portfolio.en.html").resolve().as_posix()
    assert metal["first_events"].count("data:image/png;base64,") == 2


def test_without_a_night_it_is_the_page_of_the_month(root: Path) -> None:
    told = materialized(root, {})
    page = root / "reports" / "month" / "industry=food" / "month=2025-03.en.html"
    assert told["food|2025-03-01"]["page_en"] == page.resolve().as_posix()
    assert page.exists()


def test_the_night_is_told_to_what_needs_it() -> None:
    assert set(TOLD_THE_NIGHT) < set(ASSETS_OF["nightly"])
    assert "report" not in ASSETS_OF["backfill"]


def test_a_meter_that_is_erased_leaves_the_pages(tmp_path: Path, settings: Settings) -> None:
    from ecoai_pipeline.detection.erase import erase_meter

    make_night(tmp_path, 16, 16)
    lake = Lake(tmp_path)
    write_page(lake, settings, About(MARCH, NIGHT, None), datetime.now(UTC))
    page = lake.night_report(NIGHT, None, "en")
    assert "metal-0001" in page.read_text(encoding="utf-8")
    erase_meter(lake, settings, "metal-0001", at=datetime.now(UTC))
    assert not page.exists()


def test_an_id_is_found_in_a_page_though_it_is_written_otherwise_there(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<h3>A&amp;B &lt;1&gt;</h3>", encoding="utf-8")
    assert Name("A&B <1>").stands_in(page)
    assert not Name("A&C").stands_in(page)
