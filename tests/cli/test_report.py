"""`ecoai report`: which pages are written, and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecoai_pipeline.cli.bench_report import NIGHT, make_night

if TYPE_CHECKING:
    from tests.cli.conftest import Ecoai


def test_the_pages_of_a_night_and_of_a_month(ecoai: Ecoai) -> None:
    make_night(ecoai.root, 8, 5)
    pages = ecoai("report", "--date", NIGHT.isoformat(), "--json").document["pages"]
    assert [page["about"] for page in pages[-2:]] == ["portfolio", "portfolio"]
    assert (len(pages), pages[-1]["alarms"]) == (18, 5)
    assert all(Path(page["page"]).exists() for page in pages)
    korean = ecoai("report", "--month", "2025-03", "--industry", "금속", "--lang", "ko", "--json").document["pages"]
    assert [(page["about"], page["lang"]) for page in korean] == [("metal", "ko")]
    told = ecoai("report", "--date", NIGHT.isoformat()).out
    assert (told.count(str(ecoai.root)), " is " in told) == (1, False)
    assert "portfolio.ko.html" in told
    assert Path(korean[0]["page"]) == ecoai.root / "reports" / "month" / "industry=metal" / "month=2025-03.ko.html"


def test_a_night_without_scores_has_a_page_that_says_so(ecoai: Ecoai) -> None:
    ecoai.root.mkdir()
    (page, _) = ecoai("report", "--date", "2025-03-31", "--json").document["pages"]
    assert "No meter has scores in 2025-03" in Path(page["page"]).read_text(encoding="utf-8")
    assert all(
        "no industry has scores there" in ecoai("report", *about).out for about in (("--month", "2025-03"), ("--date", "2025-03-31"))
    )


def test_a_page_is_about_a_night_or_a_month(ecoai: Ecoai) -> None:
    refused = ecoai("report", "--date", "2025-03-31", "--month", "2025-03")
    assert refused.code == 2
    assert "leave --date or --month away" in " ".join(refused.err.split())
