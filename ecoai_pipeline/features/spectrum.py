"""Which periods a load repeats with: peaks of the spectrum, confirmed by the autocorrelation and led back to fundamentals.

After Vlachos, Yu and Castelli 2005, "On periodicity detection and structural periodicity similarity": the spectrum proposes,
a hill of the autocorrelation confirms. Differencing multiplies power by 4 sin²(πf) and so promotes harmonics; a square-shaped
day shows as its harmonics, a working week as sidebands of the day. Both have no hill of their own, so each is counted for the
shortest confirmed period that is a whole multiple of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.domain import SPECTRA
from ecoai_pipeline.features.calendar import DAY_S, WEEK_S
from ecoai_pipeline.settings import FeatureParams
from ecoai_pipeline.storage.schema import schema_of

Floats = NDArray[np.float64]
SHORTEST_DAYS = 2
MIN_CYCLES = 3
_MIN_OBSERVED = 0.5
_PROMINENCE = 0.1
_RISE = 0.05
_CANDIDATES_PER_PEAK = 4


@dataclass(frozen=True)
class Load:
    """A meter's load, (n,) kWh on the regular grid, NaN where missing."""

    meter_id: str
    interval_s: int
    kwh: Floats


@dataclass(frozen=True)
class Period:
    samples: int
    share: float
    acf: float
    validated: bool


def spectra(loads: Iterable[Load], params: FeatureParams) -> pl.DataFrame:
    """Rows of the table `spectra`: the strongest periods of each meter, of its load and of its first difference.

    A load is cut to its last whole weeks (whole days below two weeks), and a period must fit into it three times. A load
    shorter than two days, mostly missing or constant has no rows.
    """
    groups: defaultdict[tuple[int, int], list[tuple[str, Floats]]] = defaultdict(list)
    for load in loads:
        kwh = load.kwh[len(load.kwh) - whole_length(len(load.kwh), load.interval_s) :]
        if len(kwh) >= SHORTEST_DAYS * DAY_S / load.interval_s and _varies(kwh):
            groups[load.interval_s, len(kwh)].append((load.meter_id, kwh))
    rows = [row for (interval_s, _), group in groups.items() for row in _rows(group, interval_s, params)]
    return pl.DataFrame(rows, schema=schema_of(SPECTRA), orient="row").sort(SPECTRA.order)


def whole_length(n: int, interval_s: int) -> int:
    """Intervals of the whole weeks in n, or of the whole days where there are less than two weeks.

    >>> whole_length(5760, 900), whole_length(1000, 900)
    (5376, 960)
    """
    unit_s = WEEK_S if n * interval_s >= 2 * WEEK_S else DAY_S
    return n * interval_s // unit_s * unit_s // interval_s


def _varies(kwh: Floats) -> bool:
    known = kwh[~np.isnan(kwh)]
    return len(known) >= _MIN_OBSERVED * len(kwh) and bool(np.ptp(known) > 1e-9 * np.abs(known).max())


def _rows(group: list[tuple[str, Floats]], interval_s: int, params: FeatureParams) -> Iterator[tuple[object, ...]]:
    kwh = np.stack([load for _, load in group])
    known = ~np.isnan(kwh)
    residual = detrended(kwh)
    acf = autocorrelation(residual, known)
    change = np.where(known[:, 1:] & known[:, :-1], np.diff(residual, axis=1), 0.0)
    shares = {"raw": power_shares(residual), "diff": power_shares(change)}
    for row, (meter_id, _) in enumerate(group):
        hills = fundamentals(acf[row], params.min_acf, kwh.shape[1] // MIN_CYCLES)
        for signal, share in shares.items():
            found = _periods(share[row], acf[row], hills, kwh.shape[1], params.peaks)
            for rank, period in enumerate(found, start=1):
                length_s = float(period.samples * interval_s)
                yield meter_id, signal, rank, length_s, period.samples, period.share, period.acf, period.validated


def detrended(kwh: Floats) -> Floats:
    """Loads (m, n) less the straight line fitted to the known values of each; 0 where missing."""
    known = ~np.isnan(kwh)
    values, mask = np.where(known, kwh, 0.0), known.astype(np.float64)
    time = np.linspace(-1.0, 1.0, kwh.shape[1])
    count, st, stt = mask.sum(axis=1), mask @ time, mask @ time**2
    sy, sty = values.sum(axis=1), values @ time
    slope = (count * sty - st * sy) / (count * stt - st**2)
    level = (sy - slope * st) / count
    return np.where(known, values - level[:, None] - slope[:, None] * time, 0.0)


def power_shares(signal: Floats) -> Floats:
    """Share of each frequency k/n in the power of signals (m, n) under a Hann window, (m, n // 2 + 1); 0 for k = 0."""
    power = np.abs(np.fft.rfft(signal * np.hanning(signal.shape[1]), n=signal.shape[1])) ** 2
    power[:, 0] = 0.0
    total = power.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(power, total, out=np.zeros_like(power), where=total > 0)
    return shares


def autocorrelation(residual: Floats, known: NDArray[np.bool_]) -> Floats:
    """Autocorrelation of signals (m, n) at lags 0 to n // 2, over the pairs of known values."""
    pairs = np.maximum(_correlated(known.astype(np.float64)), 1.0)
    mean = _correlated(residual) / pairs
    return np.clip(mean / mean[:, :1], -1.0, 1.0)


def _correlated(x: Floats) -> Floats:
    n = x.shape[1]
    spectrum = np.fft.rfft(x, n=1 << (2 * n - 1).bit_length())
    product: Floats = np.fft.irfft(np.abs(spectrum) ** 2)[:, : n // 2 + 1]
    return product


def fundamentals(acf: Floats, min_acf: float, longest: int) -> list[int]:
    """Lags up to `longest` where an autocorrelation has a hill of `min_acf`, without the mere multiples of shorter ones.

    A multiple stays where it rises above its neighbours among the multiples: the week among the days.
    """
    from scipy.signal import find_peaks

    hills, _ = find_peaks(acf, height=min_acf, prominence=_PROMINENCE)
    kept: list[int] = []
    for lag in hills.tolist():
        if lag <= longest and not any(_mere_multiple(acf, lag, base) for base in kept):
            kept.append(lag)
    return kept


def _mere_multiple(acf: Floats, lag: int, base: int) -> bool:
    times = round(lag / base)
    if times < 2 or abs(lag - times * base) > max(1, base // 8):
        return False
    beside = [acf[other] for other in (lag - base, lag + base) if other < len(acf)]
    return bool(acf[lag] < max(beside) + _RISE)


def _periods(share: Floats, acf: Floats, hills: list[int], n: int, peaks: int) -> list[Period]:
    """The strongest periods of one signal, candidates of the same fundamental taken together."""
    strength: defaultdict[tuple[int, bool], float] = defaultdict(float)
    for bin_, power in _candidates(share, peaks * _CANDIDATES_PER_PEAK):
        fundamental = _fundamental(n / bin_, n, hills)
        strength[fundamental or round(n / bin_), fundamental is not None] += power
    strongest = sorted(strength.items(), key=lambda item: (-item[1], item[0]))[:peaks]
    return [Period(samples, power, float(acf[samples]), validated) for (samples, validated), power in strongest]


def _candidates(share: Floats, count: int) -> list[tuple[int, float]]:
    """Local maxima of a spectrum that see enough cycles, with the power of their main lobe, the strongest first."""
    inner = share[1:-1]
    bins = np.flatnonzero((inner > share[:-2]) & (inner >= share[2:])) + 1
    bins = bins[bins >= MIN_CYCLES]
    lobe = share[bins - 1] + share[bins] + share[bins + 1]
    order = np.argsort(-lobe, kind="stable")[:count]
    return list(zip(bins[order].tolist(), lobe[order].tolist(), strict=True))


def _fundamental(period: float, n: int, hills: list[int]) -> int | None:
    """The shortest hill that is a whole multiple of a period, as exactly as a spectrum of n intervals can tell."""
    for lag in hills:
        times = round(lag / period)
        if times >= 1 and abs(lag - times * period) <= times * period**2 / n + 1:
            return lag
    return None
