"""What the alarms of one series are worth at a threshold that was frozen before: counted by event and by anomaly, not by reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecoai_pipeline.evaluation.ranking import Bools, Floats, anomalies
from ecoai_pipeline.features.runs import Rows

COVERED = 0.95
MONTH_S = 30 * 86_400


@dataclass(frozen=True)
class Truth:
    """What is known of the n intervals of a series' grid, each (n,).

    Attributes:
        labels: true where anomalous.
        observed: true where a reading came; labels elsewhere say nothing.
        counted: the readings that figures are made from, a subset of those observed.
        interval_s: length of an interval, seconds.
    """

    labels: Bools
    observed: Bools
    counted: Bools
    interval_s: int

    @property
    def anomalous(self) -> Bools:
        """The labelled readings that count, (n,): what alarms are to find."""
        return self.labels & self.observed & self.counted

    def anomalies(self) -> tuple[Rows, Rows]:
        """First and last interval of each anomaly with a reading that counts.

        An anomaly is a run of labelled readings. Intervals without a reading do not end it, as nobody saw it end; a reading
        that is not labelled does, also where it does not count.
        """
        rows = np.flatnonzero(self.observed)
        first, last = (rows[edges] for edges in anomalies(self.labels[rows]))
        counting = _within(self.anomalous, first, last) > 0
        return first[counting], last[counting]


@dataclass(frozen=True)
class Alarms:
    """Events and anomalies told apart.

    Attributes:
        events: alarm events in all.
        right: events over at least one anomalous reading that counts.
        false: events over readings that count, none of them and no other one labelled. An event that is neither is set aside:
            it touches labelled readings outside of the subset only, or no reading that counts.
        anomalies: anomalies with at least one reading that counts.
        found: anomalies of which an event covers at least one reading that counts.
        meter_months: length of the readings that count, in months of 30 days.
        delay_hours: median over the anomalies found, from the first anomalous reading that counts to the first alarmed
            interval of the event that found it; 0 where that event had begun before. None where nothing was found.
        energy_found: share of the deviation, in kWh either way, of the anomalous readings that count that lies within events;
            None where there is no deviation.
    """

    events: int
    right: int
    false: int
    anomalies: int
    found: int
    meter_months: float
    delay_hours: float | None
    energy_found: float | None

    @property
    def precision(self) -> float | None:
        """Share of the events that are right, without those set aside; None where none is left."""
        judged = self.right + self.false
        return self.right / judged if judged else None

    @property
    def recall(self) -> float | None:
        """Share of the anomalies that were found; None without anomalies."""
        return self.found / self.anomalies if self.anomalies else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall: 0 where anomalies are there and nothing was found, None without anomalies."""
        if self.recall is None:
            return None
        precision = self.precision or 0.0
        return 2 * precision * self.recall / (precision + self.recall) if self.found else 0.0

    @property
    def false_per_meter_month(self) -> float | None:
        """False events in 30 days of readings that count; None where none count."""
        return self.false / self.meter_months if self.meter_months else None

    @property
    def false_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of `false_per_meter_month`."""
        return poisson_interval(self.false, self.meter_months) if self.meter_months else None


def judge(first: Rows, last: Rows, truth: Truth, deviation_kwh: Floats) -> Alarms:
    """Judge the alarm events of a series; nothing is point-adjusted.

    Several events over one anomaly find it once and are each right; one event over several anomalies finds all of them.

    Args:
        first, last: (k,), first and last interval of each event, in order and apart from one another.
        truth: of the n intervals.
        deviation_kwh: (n,), energy beyond or short of the reference; NaN where there is none, which then counts as none.

    Raises:
        ValueError: an event ends before it begins, lies outside of the grid, or overlaps the one before it.
    """
    _require_in_order(first, last, len(truth.labels))
    anomalous, counted = truth.anomalous, truth.counted & truth.observed
    right = _within(anomalous, first, last) > 0
    labelled = _within(truth.labels & truth.observed, first, last) > 0
    covered = _covered(first, last, len(truth.labels))
    begins, ends = truth.anomalies()
    found = _within(anomalous & covered, begins, ends) > 0
    return Alarms(
        events=len(first),
        right=int(right.sum()),
        false=int((~labelled & (_within(counted, first, last) > 0)).sum()),
        anomalies=len(begins),
        found=int(found.sum()),
        meter_months=float(counted.sum() * truth.interval_s / MONTH_S),
        delay_hours=_delay_hours(first, begins[found], anomalous, covered, truth.interval_s),
        energy_found=_energy_found(deviation_kwh, anomalous, covered),
    )


def poisson_interval(count: float, exposure: float, covered: float = COVERED) -> tuple[float, float]:
    """Exact interval of a rate of which `count` cases were seen in `exposure` (Garwood, Biometrika 28, 1936).

    Raises:
        ValueError: a count below 0, or an exposure that is not above 0.

    >>> [round(end, 3) for end in poisson_interval(0, 1)]
    [0.0, 3.689]
    """
    from scipy.stats import chi2

    if count < 0 or not exposure > 0:
        raise ValueError(f"{count} cases in {exposure}: a rate takes a count from 0 and an exposure above 0")
    rest = (1 - covered) / 2
    low = chi2.ppf(rest, 2 * count) / 2 if count else 0.0
    return float(low) / exposure, float(chi2.ppf(1 - rest, 2 * count + 2) / 2) / exposure


def _delay_hours(first: Rows, begins: Rows, anomalous: Bools, covered: Bools, interval_s: int) -> float | None:
    """Median delay of the anomalies found, of which `begins` (f,) are the first intervals."""
    if not len(begins):
        return None
    starts = _next(anomalous, begins)
    alarmed = _next(anomalous & covered, begins)
    opened = first[np.searchsorted(first, alarmed, side="right") - 1]
    return float(np.median(np.maximum(opened - starts, 0))) * interval_s / 3600


def _energy_found(deviation_kwh: Floats, anomalous: Bools, covered: Bools) -> float | None:
    size = np.where(anomalous, np.abs(deviation_kwh), 0.0)
    whole = float(np.nansum(size))
    return float(np.nansum(size[covered])) / whole if whole > 0 else None


def _within(marks: Bools, first: Rows, last: Rows) -> Rows:
    """How many intervals from `first` to `last` are marked, (k,)."""
    before = np.concatenate(([0], np.cumsum(marks)))
    counts: Rows = before[last + 1] - before[first]
    return counts


def _covered(first: Rows, last: Rows, n: int) -> Bools:
    """True within an event, (n,)."""
    steps = np.zeros(n + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last + 1, -1)
    covered: Bools = np.cumsum(steps[:n]) > 0
    return covered


def _next(marks: Bools, rows: Rows) -> Rows:
    """The first marked interval from each row on."""
    marked = np.flatnonzero(marks)
    return marked[np.searchsorted(marked, rows)]


def _require_in_order(first: Rows, last: Rows, n: int) -> None:
    wrong = np.flatnonzero((last < first) | (first <= np.append(-1, last)[: len(first)]) | (last >= n))
    if len(wrong):
        event = wrong[0]
        raise ValueError(f"event {event}, {first[event]} to {last[event]} of {n} intervals: it takes events of the grid, one after another")
