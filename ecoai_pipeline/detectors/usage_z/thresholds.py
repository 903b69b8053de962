"""The |Z| at which a reading of a usage type is strange: learned without labels, or as the original research published it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ecoai_pipeline.detectors.robust import Floats, without_far_runs
from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.settings import UsageZParams

# HBNU ECO AI LAB, poster 2025, metal industry: the thresholds that were best on its test data, by a Z-score with mean and deviation.
PUBLISHED: Mapping[UsageType, float] = {
    UsageType.INDUSTRIAL: 3.0,
    UsageType.GENERAL: 3.1,
    UsageType.MIDNIGHT: 2.3,
    UsageType.AGRICULTURAL: 1.7,
}
_LEAST = 1.0  # within one spread nothing is strange, however even a held-out span was


@dataclass(frozen=True)
class Thresholds:
    """A threshold per usage type (None: of meters whose type nobody has said), and the pooled one of any other."""

    types: Mapping[UsageType | None, float]
    pooled: float

    def of(self, usage_type: UsageType | None) -> float:
        return self.types.get(usage_type, self.pooled)


def thresholds_of(z: Sequence[tuple[UsageType | None, Floats]], params: UsageZParams) -> Thresholds:
    """Learn from |Z| of held-out readings, per meter its usage type and (n,) in order of time, NaN allowed.

    The threshold is what `alarm_share` of the readings exceed, by the conformal rank k = alarm_share (n + 1) from above, after the runs
    of each meter that are no tail are left out. A type with readings for no such rank takes the pooled threshold.
    """
    calm = [(usage, without_far_runs(values[np.isfinite(values)], params.trim)) for usage, values in z]
    everything = np.concatenate([np.empty(0), *(values for _, values in calm)])
    pooled = _exceeded(everything, params.alarm_share)
    if pooled is None:
        pooled = max(_LEAST, float(everything.max(initial=0.0)))
    types = {}
    for usage in dict.fromkeys(usage for usage, _ in calm):
        own = _exceeded(np.concatenate([values for other, values in calm if other is usage]), params.alarm_share)
        if own is not None:
            types[usage] = own
    return Thresholds(types, pooled)


def _exceeded(values: Floats, share: float) -> float | None:
    rank = int(share * (len(values) + 1))
    return max(_LEAST, float(np.sort(values)[len(values) - rank])) if rank else None
