"""Who is heard on a public holiday."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline import detectors
from ecoai_pipeline.detection.fusion import Probabilities
from ecoai_pipeline.detectors.contract import Detector, KnowsHolidays
from ecoai_pipeline.features.series import Series, WindowPlan

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def heard(p: Probabilities, members: Mapping[str, Detector], series: Series, plan: WindowPlan) -> dict[str, Floats]:
    """Tail probabilities without those that detectors without a calendar give a holiday that is like no ordinary day, or may be.

    They find each such day strange because it is rare. Their windows that reach into it are left out as well. Where no detector with a
    calendar judges the series, or none knows what holidays mean, nothing is left out.

    Args:
        p: by detector (n,), of the detectors that are fused.
        members: all detectors of the model.
    """
    found = {name: np.asarray(values, dtype=np.float64) for name, values in p.items()}
    blind = [name for name in found if not detectors.knows_calendar(name)]
    days = unlike(members, series)
    if len(blind) < len(found) and days.any():
        found |= {name: np.where(_reached(days, detectors.windows(members[name], plan)[0]), np.nan, found[name]) for name in blind}
    return found


def unlike(members: Mapping[str, Detector], series: Series) -> Bools:
    """Intervals (n,) of holidays that are like no ordinary day, or may be, as the detector that knows holidays has learned them."""
    knowing = next((member for _, member in sorted(members.items()) if isinstance(member, KnowsHolidays)), None)
    return np.zeros(len(series), dtype=np.bool_) if knowing is None else knowing.unlike(series)


def _reached(days: Bools, window: int) -> Bools:
    """Intervals that share a window with one of `days`, (n,)."""
    places = np.flatnonzero(days)
    change = np.zeros(len(days) + 1, dtype=np.int64)
    np.add.at(change, np.maximum(places - window + 1, 0), 1)
    np.add.at(change, np.minimum(places + window, len(days)), -1)
    return np.asarray(np.cumsum(change[:-1]) > 0)
