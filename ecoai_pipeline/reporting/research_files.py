"""The findings of the research's protocols as files: one JSON document, a CSV per table, and the figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecoai_pipeline.evaluation.research.protocols import Findings
from ecoai_pipeline.evaluation.research.published import PUBLISHED
from ecoai_pipeline.reporting.research import Lang, figures
from ecoai_pipeline.storage.atomic import replacing, write_text

DOCUMENT = "research.json"


def published_rows(protocols: Sequence[str]) -> list[dict[str, Any]]:
    """What the posters say of some protocols."""
    return [one.row for one in PUBLISHED if one.protocol in protocols]


def write_findings(findings: Findings, protocols: Sequence[str], folder: Path, lang: Lang, told: Callable[[str], None]) -> list[Path]:
    """Write everything; figures with Korean labels have names of their own, so that both can lie side by side."""
    document = {"rows": list(findings.rows), "published": published_rows(protocols)}
    files = [folder / DOCUMENT]
    write_text(files[0], json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    for table in findings.tables:
        files.append(folder / f"{table}.csv")
        write_text(files[-1], _csv(findings.table(table)))
    for name, png in figures(findings, lang):
        told(name)
        files.append(folder / (f"{name}.png" if lang == "en" else f"{name}-{lang}.png"))
        with replacing(files[-1]) as temporary:
            temporary.write_bytes(png)
    return files


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
