"""Boosted forecast: the profile of a meter, corrected by what the days before tell of today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.boosting import Trees
from ecoai_pipeline.detectors.contract import Expectation, Labels
from ecoai_pipeline.detectors.files import read_state, write_state
from ecoai_pipeline.detectors.forecast.inputs import UPPER_SIDE, half_width, inputs
from ecoai_pipeline.detectors.forecast.trees import grown
from ecoai_pipeline.detectors.profile.detector import Profile
from ecoai_pipeline.detectors.robust import Floats, deviations, energy
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import ForecastParams

_FOLDS = 4  # a profile of three quarters of the readings is nearly that of all
_DRAFT = 3  # a third of the trees is enough to tell which readings lie far off
_TAIL = 0.05
_PROFILE, _TREES = "profile.", "trees."


@dataclass(frozen=True)
class _Lesson:
    """Readings of one meter that the profile they are held against was not learned from: `inputs` of each, and its distance."""

    meter_id: str
    rows: Floats
    distance: Floats

    def part(self, kept: NDArray[np.bool_]) -> _Lesson:
        return _Lesson(self.meter_id, self.rows[kept], self.distance[kept])


class Forecast:
    """Distance of a reading from a forecast that no reading of the same day enters, in sides of its 5 % to 95 % band.

    What a profile expects is corrected by gradient-boosted trees, one model for all meters, each in the unit of its own band; the
    sides are the profile's, scaled so that they hold what the forecast leaves. Method: gradient boosting of the absolute error
    (Friedman 2001) by histograms (Ke et al., "LightGBM", NeurIPS 2017), on residuals of a seasonal profile.
    """

    name: ClassVar[str] = "forecast"
    supervised: ClassVar[bool] = False

    def __init__(self, params: ForecastParams, *, seed: int = 0, threads: int = 1) -> None:
        self.params, self.seed, self.threads = params, seed, threads

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn a profile per meter, then trees and sides from readings that the profile they are held against has not seen.

        Raises:
            ValueError: no meter has `min_days` days of readings.
        """
        self.plan_ = plan
        known = [replace(series, observed=np.isfinite(energy(series, series.interval_s, labels))) for series in portfolio]
        self.profile_ = Profile(self.params).fit(known, plan)
        lessons = [self._lesson(series) for series in known if series.meter_id in self.profile_.tables_]
        draft = self._grown(lessons, max(1, self.params.trees // _DRAFT))
        lessons = [lesson.part(self._near(lesson.distance - draft.predict(lesson.rows)[:, 0])) for lesson in lessons]
        self.trees_ = self._grown(lessons, self.params.trees)
        self.sides_ = {lesson.meter_id: self._sides(lesson) for lesson in lessons}
        self.pooled_sides_ = np.median(list(self.sides_.values()), axis=0)
        self._facts = {
            **self.profile_.facts,
            "readings": sum(len(lesson.distance) for lesson in lessons),
            "pooled_sides": self.pooled_sides_.tolist(),
        }
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """Distance from the forecast in deviations of the band, (n,) each; NaN where the interval is not observed.

        A meter that `fit` has not seen gets the pooled profile and sides at the level and spread of the series given.
        """
        return self.score_and_expect(portfolio)[0]

    def expect(self, portfolio: Sequence[Series]) -> list[Expectation]:
        """Expected energy and its 5 % to 95 % band, kWh; also where no reading came, and never below 0 for a load that is not."""
        return self.score_and_expect(portfolio)[1]

    def score_and_expect(self, portfolio: Sequence[Series]) -> tuple[list[NDArray[np.float32]], list[Expectation]]:
        """What `score` and `expect` say, at the cost of one of them."""
        bands = [self._band(series) for series in portfolio]
        scores = [deviations(series, band) for series, band in zip(portfolio, bands, strict=True)]
        return scores, [band.physical(series) for series, band in zip(portfolio, bands, strict=True)]

    def unlike(self, series: Series) -> NDArray[np.bool_]:
        """As the profile says it."""
        return self.profile_.unlike(series)

    def forget(self, meter_id: str) -> None:
        self.profile_.forget(meter_id)
        self.sides_.pop(meter_id, None)

    def save(self, folder: Path) -> None:
        meters = sorted(self.sides_)
        sides = np.array([self.sides_[meter] for meter in meters], dtype=np.float64).reshape(len(meters), 2)
        arrays = {
            **{f"{_PROFILE}{name}": array for name, array in self.profile_.arrays.items()},
            **self.trees_.arrays(_TREES),
            "sides": sides,
            "pooled_sides": self.pooled_sides_,
        }
        config = {"params": self.params.model_dump(mode="json"), **self.profile_.words, "facts": dict(self.facts)}
        write_state(folder, self.name, config, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(ForecastParams.model_validate(config["params"]))
        self.plan_ = WindowPlan.of(config["plan"])
        own = {name.removeprefix(_PROFILE): array for name, array in arrays.items() if name.startswith(_PROFILE)}
        self.profile_ = Profile(self.params).restored(config, own)
        self.trees_ = Trees.of(arrays, _TREES)
        self.sides_ = dict(zip(config["meters"], arrays["sides"], strict=True))
        self.pooled_sides_ = arrays["pooled_sides"]
        self._facts = config["facts"]
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def _lesson(self, series: Series) -> _Lesson:
        """Each quarter of the readings against a profile of the other three; to a profile of its own a reading lies too near."""
        place = np.cumsum(series.observed) - 1
        fold = np.where(series.observed, place * _FOLDS // max(1, int(series.observed.sum())), -1)
        parts = []
        for own in range(_FOLDS):
            profile = Profile(self.params.model_copy(update={"min_days": 1}))
            profile.fit([replace(series, observed=series.observed & (fold != own))], self.plan_)
            rows, distance = self._inputs(series, profile, profile.bands(series)[0])
            taught = (fold == own) & ~profile.grid(series).open
            parts.append((rows[taught], np.clip(distance[taught], -self.params.clip, self.params.clip)))
        return _Lesson(series.meter_id, *(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _inputs(self, series: Series, profile: Profile, band: Expectation) -> tuple[Floats, Floats]:
        return inputs(series, profile.grid(series), band, self.params.reach)

    def _grown(self, lessons: Sequence[_Lesson], trees: int) -> Trees:
        """Trees from at most `max_readings` readings of all meters."""
        rows, distance = np.concatenate([lesson.rows for lesson in lessons]), np.concatenate([lesson.distance for lesson in lessons])
        drawn = np.sort(np.random.default_rng(self.seed).permutation(len(rows))[: self.params.max_readings])
        p = self.params
        return grown(
            rows[drawn],
            distance[drawn],
            trees=trees,
            depth=p.depth,
            learning_rate=p.learning_rate,
            min_leaf=p.min_leaf_readings,
            threads=self.threads,
        )

    def _near(self, left: Floats) -> NDArray[np.bool_]:
        """All but the share `trim` of a meter's readings that the forecast misses by most."""
        return np.asarray(np.abs(left) <= np.quantile(np.abs(left), 1 - self.params.trim))

    def _sides(self, lesson: _Lesson) -> Floats:
        """By how much the sides of the profile's band are to be scaled, below and above, (2,).

        Half of what was trimmed lies beyond either side of the band, so that of the rest less does.
        """
        left, up = lesson.distance - self.trees_.predict(lesson.rows)[:, 0], lesson.rows[:, UPPER_SIDE]
        scaled = left / np.where(left < 0, 2 - up, up)
        beyond = max(0.0, _TAIL - self.params.trim / 2) / (1 - self.params.trim)
        low, high = np.quantile(scaled, [beyond, 1 - beyond])
        return np.maximum([-low, high], self.params.side_floor)

    def _band(self, series: Series) -> Expectation:
        """The profile's band, moved by the trees and scaled; on a holiday whose meaning is open, wide enough for all it may be."""
        band, wide = self.profile_.bands(series)
        rows, _ = self._inputs(series, self.profile_, band)
        expected = band.expected + half_width(band) * self.trees_.predict(rows)[:, 0]
        down, up = self.sides_.get(series.meter_id, self.pooled_sides_)
        low, high = expected - down * (band.expected - band.low), expected + up * (band.high - band.expected)
        return Expectation(
            expected,
            np.where(wide.low < band.low, np.minimum(low, wide.low), low),
            np.where(wide.high > band.high, np.maximum(high, wide.high), high),
        )
