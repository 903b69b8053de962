"""Writing pages: where each lies, and which others lie beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path

from ecoai_pipeline.domain import Industry, Partition
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
    lake: Lake,
    settings: Settings,
    about: About,
    now: datetime,
    ran: Sequence[Ran] = (),
    langs: Sequence[Lang] = LANGS,
    beside: Sequence[About] = (),
) -> tuple[Contents, dict[Lang, Path]]:
    """Write a page in each language; returns what it says and where it lies.

    Whoever takes the lock last has seen what all before it wrote: runs of other industries write the portfolio's page as well.

    Args:
        beside: pages that are written along with this one, and may be linked before they are there.
    """
    with lake.lock("report"):
        contents = gather(lake, settings, about, now, ran)
        places: dict[Lang, Path] = {lang: place(lake, about, lang) for lang in langs}
        coming = {place(lake, one, lang) for one in (about, *beside) for lang in langs}
        for lang, path in places.items():
            write_text(path, page(contents, lang, _links(lake, about, lang, coming)))
    return contents, places


def place(lake: Lake, about: About, lang: Lang) -> Path:
    if about.day:
        return lake.night_report(about.day, about.industry, lang)
    assert about.industry is not None
    return lake.month_report(Partition(about.industry, about.month), lang)


def _links(lake: Lake, about: About, lang: Lang, coming: AbstractSet[Path]) -> list[Link]:
    """Pages that belong to this one, as far as they are there or coming."""
    words, other = Words(lang), next(one for one in LANGS if one != lang)
    found = [(_NAMES[other], place(lake, about, other))]
    if about.day:
        pages = [(words("portfolio"), None), *((words.known(one), one) for one in Industry)]
        found += [(name, lake.night_report(about.day, one, lang)) for name, one in pages if one != about.industry]
    if about.industry:
        partition = Partition(about.industry, about.month)
        found += [(words("month_page"), lake.month_report(partition, lang))] if about.day else []
        found.append((words("quality_page"), lake.report(KIND, partition)))
    found.append((words("data_docs"), lake.docs / "latest" / "index.html"))
    here = place(lake, about, lang).parent
    return [Link(name, os.path.relpath(path, here)) for name, path in found if path in coming or path.exists()]
