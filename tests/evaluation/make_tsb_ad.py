"""Writes `tsb_ad.json`: what the evaluation code of TSB-AD 1.5 (Liu and Paparrizos, NeurIPS 2024; Apache-2.0) says of `given.py`.

Needed only when the series of `given.py` change. TSB-AD asks for an older numpy than ours, yet its evaluation runs on ours:

    .venv/bin/python -m pip install --no-deps --target build/tsb-ad TSB-AD==1.5
    PYTHONPATH=build/tsb-ad ECOAI_REAL_DATA=… .venv/bin/python -m tests.evaluation.make_tsb_ad
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ecoai_pipeline.settings import load_settings

from .given import Scored, drawn, real

KEPT = Path(__file__).with_name("tsb_ad.json")


def of_tsb_ad(series: Scored) -> dict[str, float]:
    from TSB_AD.evaluation.basic_metrics import generate_curve

    *_, vus_roc, vus_pr = generate_curve(series.labels.astype(int), series.scores, series.buffer)
    return {"vus_pr": float(vus_pr), "vus_roc": float(vus_roc)}


def main() -> None:
    figures = {
        "drawn": {one.name: {"digest": one.digest, **of_tsb_ad(one)} for one in drawn()},
        "real": {one.name: of_tsb_ad(one) for one in real(Path(os.environ["ECOAI_REAL_DATA"]), load_settings())},
    }
    KEPT.write_text("{" + ",".join(f"{json.dumps(name)}: {by_line(part)}" for name, part in figures.items()) + "}\n", encoding="utf-8")


def by_line(part: dict[str, Any]) -> str:
    """JSON with a line per series, so that a change of one shows as one."""
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(figures)}" for name, figures in part.items()) + "\n}"


if __name__ == "__main__":
    main()
