"""Protocol B, first part: spectra before and after differencing with their five highest peaks.

Differencing multiplies power by 4 sin²(πf): long periods vanish and harmonics of the day rise, so the peaks of a differenced load are
mostly no periods of the plant. The peaks of the plain periodogram, which the research took, stand beside the periods that `features`
confirms by the autocorrelation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecoai_pipeline.evaluation.cases import Case
from ecoai_pipeline.evaluation.research.curves import Floats, Ints
from ecoai_pipeline.evaluation.research.unit import Piece, unit_key
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.features.spectrum import Load, spectra
from ecoai_pipeline.settings import Settings

PEAKS = 5
_POINTS = 600  # of a spectrum that is drawn; of each stretch the highest
_DAY_S = 86_400


@dataclass(frozen=True)
class Periods(Piece):
    """The spectra of one series, as a piece of work."""

    case: Case
    settings: Settings

    @property
    def name(self) -> str:
        return f"B {self.case.dataset} {self.case.name}: periods"

    @property
    def key(self) -> str:
        return unit_key("B periods", (self.case,), "spectrum", self.settings)

    def _found(self) -> Mapping[str, Any]:
        load = self.case.load
        told = {"protocol": "B", "table": "periods", "dataset": self.case.dataset, "series": load.meter_id}
        rows, curves = [], []
        for signal, values in signals(load).items():
            share, top = periodogram(values)
            rows += [_row(signal, "periodogram", rank, len(values) / k, share[k], load) for rank, k in enumerate(top, start=1)]
            curves.append(told | {"signal": signal, "interval_s": load.interval_s, **_drawn(share, top, len(values), load)})
        confirmed = spectra([Load(load.meter_id, load.interval_s, load.kwh)], self.settings.features)
        for signal, rank, samples, power, validated in confirmed.select(
            "signal", "rank", "samples", "power_share", "validated"
        ).iter_rows():
            rows.append(_row(signal, "confirmed" if validated else "not confirmed", rank, samples, power, load))
        return {"rows": [told | row for row in rows], "curves": curves}


def signals(load: Series) -> Mapping[str, Floats]:
    """The load, its gaps closed by straight lines, and its first difference, as the research transformed them."""
    known = np.flatnonzero(np.isfinite(load.kwh))
    if len(known) < 4:
        raise ValueError(f"{load.meter_id}: {len(known)} readings have no spectrum")
    whole = np.interp(np.arange(known[0], known[-1] + 1), known, load.kwh[known])
    return {"raw": whole, "diff": np.diff(whole)}


def periodogram(values: Floats) -> tuple[Floats, Ints]:
    """Share of each frequency k/n in the power of a signal (n,), and the k of its highest local maxima, the highest first."""
    centred = values - values.mean()
    power = np.abs(np.fft.rfft(centred)) ** 2
    power[0] = 0.0
    total = power.sum()
    share = power / total if total > 0 else power
    inner = share[1:-1]
    maxima = np.flatnonzero((inner > share[:-2]) & (inner >= share[2:])) + 1
    return share, maxima[np.argsort(-share[maxima], kind="stable")[:PEAKS]]


def _row(signal: str, method: str, rank: int, samples: float, share: float, load: Series) -> dict[str, Any]:
    days = float(samples) * load.interval_s / _DAY_S
    return {
        "signal": signal,
        "method": method,
        "rank": rank,
        "samples": round(float(samples), 1),
        "days": round(days, 3),
        "power_share": float(share),
    }


def _drawn(share: Floats, top: Ints, n: int, load: Series) -> Mapping[str, Any]:
    """Period against power, on stretches of equal ratio, and the peaks."""
    k = np.arange(1, len(share))
    stretch = (np.log(k) / np.log(len(share)) * _POINTS).astype(int)
    first = np.flatnonzero(np.diff(stretch, prepend=-1))
    highest = [lo + int(np.argmax(share[1 + lo : 1 + hi])) for lo, hi in zip(first, np.append(first[1:], len(k)), strict=True)]
    chosen = k[highest]
    hours = n * load.interval_s / 3600
    return {
        "period_h": (hours / chosen).tolist(),
        "power_share": share[chosen].tolist(),
        "peak_h": (hours / top).tolist(),
        "peak_share": share[top].tolist(),
    }
