"""`ecoai bench metrics`: speed of the volumes under the surface beside TSB-AD's code, from which they must not differ either."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar

if TYPE_CHECKING:
    from ecoai_pipeline.evaluation.ranking import Bools, Floats

PEER = "TSB-AD==1.5"
OURS = "ecoai"
_LENGTH, _APART = 20, 1000  # readings of an anomaly, and to the next one
Volumes = Callable[["Floats", "Bools", int], tuple[float, float]]


def metrics(
    readings: Annotated[int, typer.Option(min=1000, help="Readings of the series.")] = 20_000,
    buffer: Annotated[int, typer.Option(min=0, help="Readings around an anomaly in which an alarm counts in part.")] = 60,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Time VUS-PR and VUS-ROC of random scores by our code and, where it is installed, by TSB-AD's.

    Both run in this process on one thread; imports lie outside the timed part.
    """
    from ecoai_pipeline.evaluation.ranking import volumes

    measured: dict[str, Volumes] = {OURS: volumes}
    if find_spec("TSB_AD"):
        measured[PEER] = _peer()
    scores, labels = _drawn(readings)
    with progress_bar() as steps:
        steps.start("ranking", len(measured))
        rows = []
        for name, function in measured.items():
            rows.append(_row(name, function, scores, labels, buffer))
            steps.done(name)
    if PEER not in measured:
        rows.append({"code": PEER, "note": f"not installed: python -m pip install --no-deps {PEER}"})
    compared = _compared(rows)
    notes = [f"{compared['ratio']} times as fast as {PEER}, at most {compared['largest_difference']:.0e} apart"] if PEER in measured else []
    Answer({"readings": readings, "buffer": buffer, "codes": rows, **compared}, rows, notes=notes).show(form, as_json)


def _drawn(readings: int) -> tuple[Floats, Bools]:
    """Random scores, and an anomaly of 20 readings in the middle of every 1,000."""
    import numpy as np

    place = np.arange(readings) % _APART - _APART // 2
    return np.random.default_rng(1).random(readings), (place >= 0) & (place < _LENGTH)


def _row(name: str, function: Volumes, scores: Floats, labels: Bools, buffer: int) -> dict[str, Any]:
    function(scores[:_APART], labels[:_APART], buffer)  # what is done at the first call only lies outside of the time
    started = time.perf_counter()
    vus_pr, vus_roc = function(scores, labels, buffer)
    return {"code": name, "seconds": round(time.perf_counter() - started, 4), "vus_pr": vus_pr, "vus_roc": vus_roc, "note": ""}


def _peer() -> Volumes:
    from TSB_AD.evaluation.basic_metrics import generate_curve

    def volumes(scores: Floats, labels: Bools, buffer: int) -> tuple[float, float]:
        *_, vus_roc, vus_pr = generate_curve(labels.astype(int), scores, buffer)
        return float(vus_pr), float(vus_roc)

    return volumes


def _compared(rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """How many times as fast as the peer, and how far apart at most, where both were measured."""
    ours, theirs = rows
    if "seconds" not in theirs:
        return {"ratio": None, "largest_difference": None}
    apart = max(abs(ours[name] - theirs[name]) for name in ("vus_pr", "vus_roc"))
    return {"ratio": round(theirs["seconds"] / ours["seconds"], 1), "largest_difference": apart}
