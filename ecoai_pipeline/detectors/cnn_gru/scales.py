"""One scale of the convolutional recurrent autoencoder, and a load brought to the scale's interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecoai_pipeline.detectors.cnn_gru.model import CnnGruNet
from ecoai_pipeline.detectors.dtw import band_steps, dtw
from ecoai_pipeline.detectors.windowed.detector import WindowDetector
from ecoai_pipeline.detectors.windowed.inputs import Windows
from ecoai_pipeline.detectors.windowed.training import Step, window_error
from ecoai_pipeline.features.series import Series
from ecoai_pipeline.features.windows import overlap_mean
from ecoai_pipeline.settings import CnnGruParams

Floats = NDArray[np.float64]
_TINY = 1e-6


class Scale(WindowDetector[CnnGruParams]):
    """The autoencoder at one window length; how far a window is from what it makes of it, by squares and by time warping."""

    name: ClassVar[str] = "cnn_gru"
    params_type = CnnGruParams

    def network(self, length: int) -> CnnGruNet:  # noqa: ARG002
        p = self.params
        return CnnGruNet(p.channels, p.kernel, p.hidden, p.latent, p.dropout)

    def steps(self, net: nn.Module) -> Sequence[Step]:
        return [Step([net], _root_error, self.params)]

    def rebuilt(self, net: nn.Module, values: Tensor) -> Tensor:
        rebuilt: Tensor = net(values)
        return rebuilt

    def distances(self, series: Series) -> Floats:
        """Logarithms of a reading's square error and of its share of the warped distance, means over its windows, (n, 2).

        The square of a window's DTW distance is shared out among its readings as their squares are: a fault then stands where it is, and
        not over all of the window.
        """
        laid = self.laid_out(series)
        if laid is None:
            return np.full((len(series), 2), np.nan)
        squares, warped = [], []
        band = band_steps(self.params.band_minutes, self.plan_.interval_s)
        for block in laid.blocks(self.device):
            rebuilt = self.rebuilt(self.net_, block)
            own = (block - rebuilt).square().cpu().numpy()
            whole = dtw(block.cpu().numpy(), rebuilt.cpu().numpy(), band, self.threads) ** 2
            squares.append(own)
            warped.append(own * (whole / np.maximum(own.sum(axis=1), _TINY))[:, None])
        n = len(laid.stretch.values)
        both = [overlap_mean(np.concatenate(errors), laid.starts, n) for errors in (squares, warped)]
        measured = np.log(np.stack(both, axis=1)[: len(series)] + _TINY)
        return np.where(laid.stretch.known[: len(series), None], measured, np.nan)


def coarse(series: Series, factor: int) -> Series:
    """The mean of every `factor` intervals as one, observed where half of it is; on the same grid whatever part of a series is given."""
    if factor == 1:
        return series
    before = _offset(series, factor)
    after = -(before + len(series)) % factor

    def grouped(values: NDArray[np.generic], fill: object) -> NDArray[np.generic]:
        padded = np.pad(values, (before, after), constant_values=fill)  # type: ignore[call-overload]
        groups: NDArray[np.generic] = padded.reshape(-1, factor)
        return groups

    known = grouped(series.observed & np.isfinite(series.kwh), fill=False).astype(bool)
    count = known.sum(axis=1)
    total = np.where(known, grouped(series.kwh, np.nan), 0.0).sum(axis=1)
    step = np.timedelta64(series.interval_s, "s")
    first = series.timestamps[0] - before * step
    nearest = np.clip(np.arange(len(count)) * factor - before, 0, len(series) - 1)
    return Series(
        series.meter_id,
        series.interval_s * factor,
        timestamps=first + np.arange(len(count)) * factor * step,
        kwh=np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0),
        observed=2 * count >= factor,
        slot_of_day=(series.slot_of_day[nearest] // factor).astype(np.int32),
        slot_of_week=(series.slot_of_week[nearest] // factor).astype(np.int32),
        weekend=series.weekend[nearest],
        holiday=series.holiday[nearest],
        usage_type=series.usage_type,
    )


def fine(values: Floats, series: Series, factor: int) -> Floats:
    """Rows of a coarse series, (m, …), as rows of the series it was made of, (n, …)."""
    if factor == 1:
        return values
    before = _offset(series, factor)
    return np.repeat(values, factor, axis=0)[before : before + len(series)]


def marked(labels: NDArray[np.bool_], series: Series, factor: int) -> NDArray[np.bool_]:
    """Labels of a series, (n,), as those of the coarse one: true where any is."""
    marks = coarse(replace(series, kwh=labels.astype(np.float64), observed=np.ones(len(series), dtype=bool)), factor).kwh
    return np.nan_to_num(marks) > 0


def _offset(series: Series, factor: int) -> int:
    """Intervals by which a series begins after an interval of the coarse grid."""
    number = series.timestamps[0].astype("datetime64[s]").astype(np.int64) // series.interval_s
    return int(number % factor)


def _root_error(net: nn.Module, batch: Windows, _epoch: int) -> Tensor:
    """Root of the mean square error of a batch over known readings, the loss of the original research."""
    error: Tensor = torch.sqrt(window_error(batch.values, net(batch.given), batch.known).mean() + _TINY**2)
    return error
