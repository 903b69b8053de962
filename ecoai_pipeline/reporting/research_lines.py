"""The findings of the research's protocols in a line each, beside what was published; all columns are in the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from ecoai_pipeline.evaluation.research.protocols import Findings
from ecoai_pipeline.evaluation.research.published import PUBLISHED
from ecoai_pipeline.evaluation.research.shuffled import headline

LINE = ("protocol", "dataset", "series", "detector", "what", "f1", "auc", "f1_published", "auc_published")
Row = Mapping[str, Any]


def published_rows(protocols: Sequence[str]) -> list[dict[str, Any]]:
    """What the posters say of some protocols."""
    return [one.row for one in PUBLISHED if one.protocol in protocols]


def lines_of(findings: Findings) -> list[dict[str, Any]]:
    """A line per figure, and per use of adversarial days for which of their sizes they helped."""
    lines = [_line(row, row["what"], "f1_oracle_shuffled", "auc_shuffled") for row in _over_runs(findings.table("shuffled_windows"))]
    lines += [_advice(row) for row in findings.table("guideline") if row["aggregation"] == "max"]
    lines += [_line(row, "DTW verdicts", "f1_quota", "auc_dtw") for row in findings.table("dtw_verdicts")]
    lines += [_line(row, f"ε {row['epsilon']:g}", "f1_oracle_shuffled", "auc_shuffled") for row in findings.table("epsilon_curve")]
    for row in findings.table("usage_thresholds"):
        lines.append(_line(row, f"Z ≥ {row['threshold_oracle']}", "f1_oracle", "auc_roc"))
        if row["threshold_learned"] is not None:
            lines.append(_line(row, f"Z ≥ {row['threshold_learned']:.2f}, learned without labels", "f1_at_learned", "auc_roc"))
    return lines + _effects(findings)


def _over_runs(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows that summaries show, one for all trainings on the same series, with the mean of their figures."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in headline(rows):
        groups.setdefault(tuple(row[name] for name in ("dataset", "series", "detector", "fault_seed")), []).append(row)
    return [_mean_of(own) for own in groups.values()]


def _mean_of(rows: Sequence[Row]) -> dict[str, Any]:
    what = rows[0]["aggregation"] if len(rows) == 1 else f"{rows[0]['aggregation']}, mean of {len(rows)} runs"
    known = {name: [row[name] for row in rows if row[name] is not None] for name in ("f1_oracle_shuffled", "auc_shuffled")}
    return {**rows[0], "what": what, **{name: fmean(values) if values else None for name, values in known.items()}}


def _advice(row: Row) -> dict[str, Any]:
    """Which model for a resolution, by our table and by the posters."""
    measure = {"f1_oracle_shuffled": "F1", "auc_shuffled": "AUC"}[row["measure"]]
    apart = (
        f"{measure} of lstm_ae less usad {row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f}); published: {row['published']}"
    )
    told = {"protocol": "A", "dataset": row["resolution"], "series": f"{row['series']} series, {row['runs']} runs", "detector": row["ours"]}
    return {**dict.fromkeys(LINE), **told, "what": apart}


def _line(row: Row, what: str, f1: str, auc: str) -> dict[str, Any]:
    return {
        "protocol": row["protocol"],
        "dataset": row["dataset"],
        "series": row.get("series") or row.get("usage_type"),
        "detector": row["detector"],
        "what": what if row.get("fault_seed") is None else f"{what}, faults {row['fault_seed']}",
        "f1": row[f1],
        "auc": row[auc],
        "f1_published": row.get(f"{f1}_published"),
        "auc_published": row.get(f"{auc}_published"),
    }


def _effects(findings: Findings) -> list[dict[str, Any]]:
    rows = [row for row in findings.table("augmentation_effect") if row["augmentation"] == "adversarial"]
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["dataset"], row["detector"], row["use"]), []).append(row)
    return [_effect(dataset, detector, use, own) for (dataset, detector, use), own in groups.items()]


def _effect(dataset: str, detector: str, use: str, rows: Sequence[Row]) -> dict[str, Any]:
    helped = ", ".join(f"{row['epsilon']:g}" for row in rows if row["low"] > 0) or "none"
    harmed = ", ".join(f"{row['epsilon']:g}" for row in rows if row["high"] < 0) or "none"
    told = f"{use}: helps at ε {helped}, harms at ε {harmed}"
    line = dict.fromkeys(LINE)
    return {**line, "protocol": "C", "dataset": dataset, "series": f"{rows[0]['pairs']} pairs", "detector": detector, "what": told}
