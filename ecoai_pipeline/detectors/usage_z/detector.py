"""Usage-weighted Z-score: how far a reading's share of its meter's level lies from what its usage type lets one expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detectors.contract import Expectation, Labels
from ecoai_pipeline.detectors.day_types import BEFORE, grid_of
from ecoai_pipeline.detectors.files import Arrays, read_state, write_state
from ecoai_pipeline.detectors.robust import Z95, Floats, energy
from ecoai_pipeline.detectors.usage_z.shapes import Table, Tables, tables_of
from ecoai_pipeline.detectors.usage_z.shares import Own, level, own_of, unit_of
from ecoai_pipeline.detectors.usage_z.thresholds import PUBLISHED, Thresholds, thresholds_of
from ecoai_pipeline.domain import UsageType
from ecoai_pipeline.features.series import Series, WindowPlan
from ecoai_pipeline.settings import UsageZParams

_PARTS = ("share", "spread", "holiday")
_GROUPS = ("meters", "types", "all")
_UNSAID = "unsaid"  # stands in files for the usage type that nobody has said


class UsageZ:
    """|Z| of a reading in thresholds of its usage type: 1 is at the threshold.

    The poster of the original research (HBNU ECO AI LAB, 2025, metal industry) takes, per usage type, a Z-score against the expected share
    weighted over usage types. What is expected of a meter here, and how the types come in, stands in the README beside this file.
    """

    name: ClassVar[str] = "usage_z"
    supervised: ClassVar[bool] = False

    def __init__(self, params: UsageZParams) -> None:
        self.params = params

    def fit(self, portfolio: Sequence[Series], plan: WindowPlan, *, labels: Labels | None = None) -> Self:
        """Learn thresholds on the last `held_out_share` of each meter's readings by what comes before, then expectations from all.

        Raises:
            ValueError: no meter has `min_days` days of readings.
        """
        self.plan_ = plan
        known = [replace(series, observed=np.isfinite(energy(series, series.interval_s, labels))) for series in portfolio]
        seen = [series for series in known if series.observed.sum() >= self.params.min_days * series.slots_per_day]
        if not seen:
            raise ValueError(
                f"no usage type can be learned: none of {len(portfolio)} meters has readings of {self.params.min_days} days; "
                "train on more months"
            )
        self.thresholds_ = self._held_out(seen)
        self._learn(seen)
        self._facts = self._told(seen, len(portfolio) - len(seen))
        return self

    def score(self, portfolio: Sequence[Series]) -> list[NDArray[np.float32]]:
        """|Z| over the threshold of the usage type, (n,) each; NaN where the interval is not observed.

        A meter that `fit` has not seen gets what its usage type, or where that is new what all meters have in common, at the level
        of the series given.
        """
        return [(self._z(series) / self.threshold(series.usage_type)).astype(np.float32) for series in portfolio]

    def expect(self, portfolio: Sequence[Series]) -> list[Expectation]:
        """Expected energy and its 5 % to 95 % band, kWh; also where no reading came, and never below 0 for a load that is not."""
        return [self._band(series).physical(series) for series in portfolio]

    def score_and_expect(self, portfolio: Sequence[Series]) -> tuple[list[NDArray[np.float32]], list[Expectation]]:
        """What `score` and `expect` say; they share nothing that costs."""
        return self.score(portfolio), self.expect(portfolio)

    def threshold(self, usage_type: UsageType | None) -> float:
        """The |Z| that a score of 1 stands for; the pooled one for a type that has none of its own."""
        if self.params.thresholds == "published" and usage_type:
            return PUBLISHED[usage_type]
        return self.learned_threshold(usage_type)

    def learned_threshold(self, usage_type: UsageType | None) -> float:
        """The |Z| that few enough held-out readings of the type exceeded."""
        return self.thresholds_.of(usage_type)

    def forget(self, meter_id: str) -> None:
        self.tables_.meters.pop(meter_id, None)
        self.units_.pop(meter_id, None)

    def save(self, folder: Path) -> None:
        meters, types = sorted(self.tables_.meters), sorted(self.tables_.types, key=_word)
        kept = {"meters": [self.tables_.meters[name] for name in meters], "types": [self.tables_.types[usage] for usage in types]}
        arrays: Arrays = {"meters.unit": np.array([self.units_[name] for name in meters], dtype=np.float64)}
        for group, tables in {**kept, "all": [self.tables_.all]}.items():
            for part in _PARTS:
                cells = np.array([getattr(t, part) for t in tables], dtype=np.float32)
                arrays[f"{group}.{part}"] = cells.reshape(len(tables), *getattr(self.tables_.all, part).shape)
        config = {
            "params": self.params.model_dump(mode="json"),
            "plan": self.plan_.words,
            "meters": meters,
            "types": [_word(usage) for usage in types],
            "thresholds": {"types": {_word(usage): z for usage, z in self.thresholds_.types.items()}, "pooled": self.thresholds_.pooled},
            "facts": dict(self.facts),
        }
        write_state(folder, self.name, config, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        config, arrays = read_state(folder, cls.name)
        self = cls(UsageZParams.model_validate(config["params"]))
        self.plan_ = WindowPlan.of(config["plan"])
        self.units_ = dict(zip(config["meters"], arrays["meters.unit"].tolist(), strict=True))
        stacked = {group: _tables(arrays, group) for group in _GROUPS}
        types = dict(zip(map(_usage_type, config["types"]), stacked["types"], strict=True))
        self.tables_ = Tables(dict(zip(config["meters"], stacked["meters"], strict=True)), types, stacked["all"][0])
        learned = config["thresholds"]
        self.thresholds_ = Thresholds({_usage_type(word): z for word, z in learned["types"].items()}, learned["pooled"])
        self._facts = config["facts"]
        return self

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._facts

    def _learn(self, portfolio: Sequence[Series]) -> None:
        owns = [self._own(series) for series in portfolio if series.observed.any()]
        self.tables_ = tables_of(owns, self.params)
        self.units_ = {own.meter_id: own.unit for own in owns}

    def _held_out(self, portfolio: Sequence[Series]) -> Thresholds:
        """Thresholds from the last readings of each series, by what is learned of all before them."""
        cuts = [self._cut(series) for series in portfolio]
        self._learn([series.part(0, cut) for series, cut in zip(portfolio, cuts, strict=True)])
        z = [(series.usage_type, self._z(series)[cut:]) for series, cut in zip(portfolio, cuts, strict=True)]
        return thresholds_of(z, self.params)

    def _cut(self, series: Series) -> int:
        """The first interval that is held out: after a share of the readings that came, and at least one."""
        places = np.flatnonzero(series.observed)
        return int(places[max(1, int(len(places) * (1 - self.params.held_out_share)))])

    def _told(self, seen: Sequence[Series], left_out: int) -> dict[str, Any]:
        types = {
            _word(usage): {
                "meters": sum(series.usage_type is usage for series in seen),
                "threshold": self.threshold(usage),
                "threshold_learned": self.learned_threshold(usage),
            }
            for usage in self.tables_.types
        }
        return {"meters": len(seen), "meters_left_out": left_out, "usage_types": types, "threshold_pooled": self.thresholds_.pooled}

    def _own(self, series: Series) -> Own:
        return own_of(series, self._energy(series), self.plan_.slots_per_day, self.params)

    def _band(self, series: Series) -> Expectation:
        expected, sigma = self._expected(series)
        return Expectation(expected, expected - Z95 * sigma, expected + Z95 * sigma)

    def _z(self, series: Series) -> Floats:
        """|Z| of each reading, (n,)."""
        expected, sigma = self._expected(series)
        return np.asarray(np.abs(np.where(series.observed, series.kwh, np.nan) - expected) / sigma)

    def _expected(self, series: Series) -> tuple[Floats, Floats]:
        """Expected energy and one sigma around it, kWh, both (n,); NaN where nothing is known of the meter."""
        values, table = self._energy(series), self.tables_.of(series.meter_id, series.usage_type)
        grid = grid_of(series, self.plan_.slots_per_day, table.holiday)
        usual = self.units_.get(series.meter_id) or unit_of(values, table.share, grid)
        now = usual * level(values / usual, table.share, grid, self.params) * (series.interval_s / self.plan_.interval_s)
        share = grid.of(table.share)
        aside = np.maximum(share - grid.lowest(table.share), grid.highest(table.share) - share)
        return now * share, now * (grid.highest(table.spread) + aside)

    def _energy(self, series: Series) -> Floats:
        return energy(series, self.plan_.interval_s)


def _word(usage_type: UsageType | None) -> str:
    return usage_type.value if usage_type else _UNSAID


def _usage_type(word: str) -> UsageType | None:
    return None if word == _UNSAID else UsageType(word)


def _tables(arrays: Arrays, group: str) -> list[Table]:
    before = np.broadcast_to(BEFORE, (len(arrays[f"{group}.share"]), *BEFORE.shape))
    parts = (arrays.get(f"{group}.{part}", before).astype(np.float64) for part in _PARTS)
    return [Table(*cells) for cells in zip(*parts, strict=True)]
