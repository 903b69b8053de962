"""Protocol B, second part: day windows against their reconstruction by DTW and L2, and the verdicts of an Isolation Forest.

DTW has a Sakoe-Chiba band: without one it forgives a shift that starts late or lasts long. The forest's contamination is a quota, not a
threshold: it calls that share of the training windows anomalous, however good they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.curves import Bools, Floats, Ints, counted, roc
from ecoai_pipeline.evaluation.research.participants import Reconstructs, Windows, as_window_model, fitted, scaled
from ecoai_pipeline.evaluation.research.unit import Piece, unit_key
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.features.windows import overlap_mean
from ecoai_pipeline.settings import Settings

BAND_MIN = 30
QUOTA = 0.18
TRAIN_SHARE = 0.6
STRIDES_PER_WINDOW = 4
LONGEST_DAY = 288  # intervals; a day by the minute is no window of this protocol, and its DTW takes minutes
_SEED = 42
_OBSERVED = 0.5
_FEWEST_WINDOWS = 20  # of either span
_WEEK_S = 604_800


@dataclass(frozen=True)
class Errors:
    """How far windows lie from their reconstruction, and what the forest says of each; (w,) in time order.

    Attributes:
        starts: first interval of each window.
        trained: true for windows of the training span.
        dtw, l2: standardised on the training windows.
        strangeness: of the forest, higher is stranger.
        flagged: its verdict.
    """

    starts: Ints
    trained: Bools
    dtw: Floats
    l2: Floats
    strangeness: Floats
    flagged: Bools


@dataclass(frozen=True)
class Reconstruction(Piece):
    """DTW errors and verdicts of one series and one model, as a piece of work."""

    case: Case
    detector: str
    settings: Settings

    @property
    def name(self) -> str:
        return f"B {self.case.dataset} {self.case.name}: {self.detector}"

    @property
    def key(self) -> str:
        return unit_key("B", (self.case,), self.detector, self.settings)

    def _found(self) -> Mapping[str, Any]:
        """Nothing where the participant reconstructs nothing, or the series has too few day windows."""
        model = as_window_model(self.detector, self.settings, _SEED)
        if not isinstance(model, Reconstructs) or not 2 <= self.case.load.slots_per_day <= LONGEST_DAY:
            return {"rows": [], "curves": []}
        windows, trained = day_windows(self.case.load)
        if min(trained.sum(), (~trained).sum()) < _FEWEST_WINDOWS:
            return {"rows": [], "curves": []}
        model = fitted(model, windows.some(trained))
        made = model.reconstruct(windows.values)
        errors = judged_errors(windows, made, trained, band_steps(self.case.load.interval_s))
        row = self._row(windows, errors)
        return {"rows": [row], "curves": [row | _distribution(errors) | {"week": _week(self.case, windows, made, errors)}]}

    def _row(self, windows: Windows, errors: Errors) -> dict[str, Any]:
        test = ~errors.trained
        row = {
            "protocol": "B",
            "table": "dtw_verdicts",
            "dataset": self.case.dataset,
            "series": self.case.load.meter_id,
            "fault_seed": self.case.seed,
            "detector": self.detector,
            "window": windows.length,
            "band_min": band_steps(self.case.load.interval_s) * self.case.load.interval_s / 60,
            "train_windows": int(errors.trained.sum()),
            "test_windows": int(test.sum()),
            "flagged_by_quota": float(errors.flagged[test].mean()),
        }
        anomalous = self._anomalous(windows)[test]
        if anomalous.all() or not anomalous.any():
            return row | dict.fromkeys(
                ("anomalous_windows", "recall_quota", "precision_quota", "f1_quota", "auc_dtw", "auc_l2", "auc_forest")
            )
        verdict = counted(errors.flagged[test].astype(np.float64), anomalous, 1.0)
        areas = {name: roc(getattr(errors, value)[test], anomalous).auc for name, value in _AREAS.items()}
        figures = {"recall_quota": verdict.recall, "precision_quota": verdict.precision, "f1_quota": verdict.f1}
        return row | {"anomalous_windows": int(anomalous.sum())} | figures | areas

    def _anomalous(self, windows: Windows) -> Bools:
        labels = self.case.labels
        return np.zeros(len(windows.values), dtype=np.bool_) if labels is None else np.asarray(labels[windows.rows].any(axis=1))


_AREAS = {"auc_dtw": "dtw", "auc_l2": "l2", "auc_forest": "strangeness"}


def band_steps(interval_s: int) -> int:
    """Radius of the band in steps: half an hour, and one step at least.

    >>> [band_steps(seconds) for seconds in (60, 900, 3600)]
    [30, 2, 1]
    """
    return max(1, BAND_MIN * 60 // interval_s)


def day_windows(load: Series) -> tuple[Windows, Bools]:
    """Windows of a day, a quarter of a day apart, without unfilled gaps and scaled on the training span; and which are of that span."""
    length = load.slots_per_day
    cut = int(TRAIN_SHARE * len(load))
    starts = np.arange(0, len(load) - length + 1, max(1, length // STRIDES_PER_WINDOW))
    rows = starts[:, None] + np.arange(length)
    rows = rows[np.isfinite(load.kwh[rows]).all(axis=1) & (load.observed[rows].mean(axis=1) >= _OBSERVED)]
    trained = rows[:, -1] < cut
    # A window over the seam would carry test readings into training, or training readings into the test.
    apart = trained | (rows[:, 0] >= cut)
    rows, trained = rows[apart], trained[apart]
    if not trained.any():
        return Windows(load, load.kwh[rows], rows), trained
    within = np.zeros(len(load), dtype=np.bool_)
    within[rows[trained].ravel()] = True
    load = scaled(load, within)
    return Windows(load, load.kwh[rows], rows), trained


def judged_errors(windows: Windows, made: Floats, trained: Bools, band: int) -> Errors:
    """Both distances, standardised on the training windows, and the forest's verdict on the pair."""
    from sklearn.ensemble import IsolationForest

    distances = np.stack([dtw_distances(windows.values, made, band), np.sqrt(((windows.values - made) ** 2).sum(axis=1))], axis=1)
    centre, spread = distances[trained].mean(axis=0), distances[trained].std(axis=0)
    pairs = (distances - centre) / np.where(spread > 0, spread, 1.0)
    forest = IsolationForest(contamination=QUOTA, random_state=_SEED).fit(pairs[trained])
    flagged, strangeness = forest.predict(pairs) == -1, -forest.score_samples(pairs)
    return Errors(windows.rows[:, 0], trained, pairs[:, 0], pairs[:, 1], strangeness, flagged)


def dtw_distances(windows: Floats, made: Floats, band: int) -> Floats:
    """Dynamic time warping within a Sakoe-Chiba band of `band` steps, window by window, (w,)."""
    from tslearn.metrics import dtw

    pairs = zip(windows, made, strict=True)
    return np.array([dtw(one, other, global_constraint="sakoe_chiba", sakoe_chiba_radius=band) for one, other in pairs])


def _distribution(errors: Errors) -> dict[str, Any]:
    """Numbers of test windows by DTW error and verdict; what lies beyond the outermost bins is in them."""
    test = ~errors.trained
    low, high = np.quantile(errors.dtw[test], [0.0, 0.995])
    edges = np.linspace(low, max(high, low + 1e-9), 51)
    inside = np.clip(errors.dtw, edges[0], edges[-1])
    counts = {name: np.histogram(inside[test & mask], edges)[0].tolist() for name, mask in _verdicts(errors).items()}
    return {"distribution": {"edges": edges.tolist(), **counts}}


def _verdicts(errors: Errors) -> Mapping[str, Bools]:
    return {"normal": ~errors.flagged, "anomalous": errors.flagged}


def _week(case: Case, windows: Windows, made: Floats, errors: Errors) -> dict[str, Any]:
    """The week around the test window farthest from its reconstruction: load, reconstruction, labelled readings, flagged windows.

    The distance decides, for the forest finds everything beyond its training windows equally strange.
    """
    test = np.flatnonzero(~errors.trained)
    farthest = errors.starts[test[np.argmax(errors.dtw[test])]] + windows.length // 2
    steps = _WEEK_S // case.load.interval_s
    first = int(np.clip(farthest - steps // 2, 0, max(0, len(case.load) - steps)))
    part = slice(first, min(first + steps, len(case.load)))
    expected = overlap_mean(made, errors.starts, len(case.load))[part]
    labels = np.zeros(len(case.load), dtype=np.bool_) if case.labels is None else case.labels
    flagged = errors.starts[errors.flagged & ~errors.trained]
    near = flagged[(flagged + windows.length > part.start) & (flagged < part.stop)]
    return {
        "timestamp": np.datetime_as_string(case.load.timestamps[part], unit="s").tolist(),
        "load": _listed(windows.load.kwh[part]),
        "expected": _listed(expected),
        "labelled": labels[part].tolist(),
        "flagged": [[max(int(start) - first, 0), min(int(start) + windows.length, part.stop) - first] for start in near],
    }


def _listed(values: Floats) -> list[float | None]:
    """JSON has no NaN."""
    return [float(value) if np.isfinite(value) else None for value in values]
