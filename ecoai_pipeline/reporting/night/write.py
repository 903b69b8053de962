"""Writing pages: where each lies, and which others lie beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ecoai_pipeline.domain import SCORES, Industry, Partition
from ecoai_pipeline.reporting.data_quality import KIND
from ecoai_pipeline.reporting.night.contents import About, Contents, Ran, gather
from ecoai_pipeline.reporting.night.page import Link, page
from ecoai_pipeline.reporting.night.words import Words
from ecoai_pipeline.reporting.texts import LANGS, Lang
from ecoai_pipeline.settings import Settings
from ecoai_pipeline.storage.atomic import write_text
from ecoai_pipeline.storage.lake import Lake

_NAMES = {"en": "English", "ko": "한국어"}


def write_page(
    lake: Lake, settings: Settings, about: About, now: datetime, ran: Sequence[Ran] = (), langs: Sequence[Lang] = LANGS
) -> tuple[Contents, dict[Lang, Path]]:
    """Write a page in each language; returns what it says and where it lies.

    Whoever takes the lock last has seen what all before it wrote: runs of other industries write the portfolio's page as well.
    """
    with lake.lock("report"):
        contents = gather(lake, settings, about, now, ran)
        places: dict[Lang, Path] = {lang: place(lake, about, lang) for lang in langs}
        for lang, path in places.items():
            write_text(path, page(contents, lang, _links(lake, about, lang, path.parent)))
    return contents, places


def place(lake: Lake, about: About, lang: Lang) -> Path:
    if about.day:
        return lake.night_report(about.day, about.industry, lang)
    assert about.industry is not None
    return lake.month_report(Partition(about.industry, about.month), lang)


def _links(lake: Lake, about: About, lang: Lang, here: Path) -> list[Link]:
    """Pages that belong to this one, those of them that are there, and its other language, which is being written."""
    words = Words(lang)
    other = next(one for one in LANGS if one != lang)
    found = [Link(_NAMES[other], os.path.relpath(place(lake, about, other), here))]
    candidates: list[tuple[str, Path]] = []
    industries = [one for one in Industry if lake.info(SCORES, Partition(one, about.month)).rows]
    if about.day:
        candidates += [(words("portfolio"), lake.night_report(about.day, None, lang))] if about.industry else []
        candidates += [(words.known(one), lake.night_report(about.day, one, lang)) for one in industries if one != about.industry]
    for industry in [about.industry] if about.industry else []:
        partition = Partition(industry, about.month)
        candidates += [(words("month_page"), lake.month_report(partition, lang))] if about.day else []
        candidates.append((words("quality_page"), lake.report(KIND, partition)))
    candidates.append((words("data_docs"), lake.docs / "latest" / "index.html"))
    return found + [Link(name, os.path.relpath(path, here)) for name, path in candidates if path.exists()]
