"""`ecoai bench detect`: training and scoring of the networks beside a plain PyTorch loop, and beside what the processor can do at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecoai_pipeline.cli.fresh import in_fresh_process, peak
from ecoai_pipeline.cli.output import Answer, Format, FormatOption, JsonOption, progress_bar
from ecoai_pipeline.cli.turns import fastest
from ecoai_pipeline.settings import DetectorParams, load_settings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ecoai_pipeline.detectors.windowed.detector import WindowDetector
    from ecoai_pipeline.features.series import Series

NETWORKS = tuple(DetectorParams().networks)
_DAY = 96
_DAYS_A_MONTH = 30
_PRODUCT = 512 * 2048 * 512  # multiplications of a large product


def detect(
    names: Annotated[str, typer.Option("--detectors", help="Networks, separated by commas.")] = ",".join(NETWORKS),
    length: Annotated[int, typer.Option(min=8, help="Readings of a window.")] = _DAY,
    windows: Annotated[int, typer.Option(min=128, help="Windows of an epoch, and scored.")] = 4096,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each, in turn; the fastest counts.")] = 5,
    meters: Annotated[int, typer.Option(min=1, help="Meters of the portfolio that is fitted whole.")] = 50,
    months: Annotated[int, typer.Option(min=1, help="Months of it, at 15 minutes.")] = 6,
    form: FormatOption = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Windows per second of each network, ours beside the same network in a plain PyTorch loop over a DataLoader with batches of 128.

    Both are given the same windows and as many threads as `training.threads` says. The bound is of scoring, and arithmetic alone: every
    weight counts once per step that needs it, at the speed of oneDNN's products of large matrices in the same run. Then the whole
    portfolio is fitted and scored in a process of its own: seconds, and memory at its highest.

    Raises:
        ValueError: a name is none of the networks.
    """
    chosen = [name.strip() for name in names.split(",")]
    unknown = [name for name in chosen if name not in NETWORKS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no network; known are {', '.join(NETWORKS)}")
    with progress_bar() as steps:
        steps.start("timing", len(chosen))
        rows = []
        for name in chosen:
            whole = in_fresh_process(measure_portfolio, name, str(meters), str(months))
            rows.append({"detector": name, **_compared(name, length, windows, repeats), **whole})
            steps.done()
    document = {"length": length, "windows": windows, "meters": meters, "months": months, "device": _device(), "detectors": rows}
    Answer(document, rows, title="networks", notes=[_note(row) for row in rows]).show(form, as_json)


def measure_portfolio(name: str, meters: str, months: str) -> dict[str, Any]:
    """Body of a process of its own: a portfolio fitted, then scored."""
    from ecoai_pipeline import detectors
    from ecoai_pipeline.features.series import WindowPlan

    detector = detectors.make(name, load_settings())
    portfolio = [_meter(number, _DAYS_A_MONTH * int(months)) for number in range(int(meters))]
    started = time.perf_counter()
    detector.fit(portfolio, WindowPlan(86_400 // _DAY, (_DAY, 7 * _DAY)))
    fitted = time.perf_counter()
    detector.score(portfolio)
    ended = time.perf_counter()
    return {"fit_seconds": round(fitted - started, 1), "score_seconds": round(ended - fitted, 1), **peak()}


def _compared(name: str, length: int, count: int, repeats: int) -> dict[str, Any]:
    import torch

    from ecoai_pipeline.cli.bench_plain import PLAIN, score_plainly, train_plainly
    from ecoai_pipeline.detectors.windowed import training
    from ecoai_pipeline.detectors.windowed.inputs import Windows

    settings = load_settings()
    with training.reproducible(settings.training.seed, settings.training.threads):
        ours = _unfitted(name, length)
        plain = PLAIN[name](length, settings.detectors).to(ours.device)
        drawn = _windows(length, count).to(ours.device)
        batches = Windows(drawn, torch.ones_like(drawn, dtype=torch.bool), torch.zeros(count, dtype=torch.long, device=ours.device))
        ours.learn_errors(batches.take(slice(0, 256)))
        params = ours.params.model_copy(update={"max_windows": count})
        steps, optimiser = ours.steps(ours.net_), torch.optim.Adam(plain.parameters(), lr=params.learning_rate)
        calls: dict[str, Callable[[], Any]] = {
            "train": lambda: training.epoch_of(ours.net_, batches, steps, params, 2),
            "plain_train": lambda: train_plainly(plain, optimiser, drawn, params.clip_norm),
            "score": lambda: _scored(ours, drawn),
            "plain_score": lambda: score_plainly(plain, drawn),
            "product": _large_product(ours.device),
        }
        seconds = fastest({name: _waited(call) for name, call in calls.items()}, repeats)
    bound = _PRODUCT / seconds["product"] / _multiplications(name, length, settings.detectors)
    rates = {f"{what}_windows_per_s": round(count / seconds[what]) for what in ("train", "plain_train", "score", "plain_score")}
    return {
        **rates,
        "train_ratio": round(seconds["plain_train"] / seconds["train"], 2),
        "score_ratio": round(seconds["plain_score"] / seconds["score"], 2),
        "bound_score_windows_per_s": round(bound),
    }


def _unfitted(name: str, length: int) -> WindowDetector[Any]:
    """A detector with a network whose weights nobody has trained."""
    from ecoai_pipeline.detectors.catalogue import make
    from ecoai_pipeline.detectors.cnn_gru.detector import CnnGru

    made: Any = make(name, load_settings())
    detector: WindowDetector[Any] = made.scale() if isinstance(made, CnnGru) else made
    detector.net_ = detector.untrained(length)
    return detector


def _scored(detector: WindowDetector[Any], windows: Tensor) -> None:
    import torch

    from ecoai_pipeline.detectors.windowed.detector import BLOCK

    detector.net_.eval()
    with torch.no_grad():
        for block in torch.split(windows, BLOCK):
            detector.errors(block)


def _multiplications(name: str, length: int, params: DetectorParams) -> int:
    """Of scoring a window: weights times the steps that each is needed in. What is the same at every step is multiplied once."""
    if name == "usad":
        latent = max(2, round(length * params.usad.latent_share))
        half, quarter = length // 2, length // 4
        return 4 * (length * half + half * quarter + quarter * latent)  # encoder and decoder, twice
    if name == "lstm_ae":
        p = params.lstm_ae
        once = p.encoder * p.latent + 4 * p.latent * p.decoder
        return once + length * (4 * p.encoder * (1 + p.encoder) + 4 * p.decoder**2 + p.decoder)
    if name == "encdec_ad":
        hidden = params.encdec_ad.hidden
        return length * (4 * hidden * (2 + hidden) + 4 * hidden**2 + 2 * hidden)
    c = params.cnn_gru
    convolved = c.kernel * (c.channels + c.hidden * c.channels + c.channels)
    return c.hidden * c.latent + 3 * c.latent * c.hidden + length * (convolved + 3 * c.hidden * (c.channels + c.hidden) + 3 * c.hidden**2)


def _large_product(device: torch.device) -> Callable[[], Tensor]:
    import torch

    from ecoai_pipeline.detectors.recurrent.layers import product

    one, other = (torch.ones(512, _PRODUCT // 512**2, device=device) for _ in range(2))
    return lambda: product(one, other)


def _waited(call: Callable[[], Any]) -> Callable[[], None]:
    """The call, and what a GPU still does after it: the clock is read when all is done."""
    import torch

    def whole() -> None:
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return whole


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _windows(length: int, count: int) -> Tensor:
    """Days of two shifts with noise in a meter's scale, (count, length)."""
    import numpy as np
    import torch

    day = np.arange(length) / length
    chance = np.random.default_rng(1)
    load = 2.0 * ((day > 0.25) & (day < 0.9)) - 1 + chance.normal(0.0, 0.1, (count, length))
    return torch.from_numpy(load.astype(np.float32))


def _meter(number: int, days: int) -> Series:
    """A plant of two shifts every quarter hour, in kWh."""
    import numpy as np

    from ecoai_pipeline.features.series import Series

    slot = np.arange(days * _DAY)
    weekday, hour = slot // _DAY % 7, slot % _DAY / 4
    busy = (weekday < 5) & (hour >= 6 + number % 3) & (hour < 20 + number % 3)
    noise = np.random.default_rng(number).normal(0.0, 0.05, len(slot))
    return Series(
        meter_id=f"meter {number}",
        interval_s=86_400 // _DAY,
        timestamps=np.datetime64("2024-01-01T00:00:00", "us") + slot * np.timedelta64(15, "m"),
        kwh=100.0 * (1 + number) * (np.where(busy, 1.0, 0.2) + noise),
        observed=np.ones(len(slot), dtype=np.bool_),
        slot_of_day=(slot % _DAY).astype(np.int32),
        slot_of_week=(slot % (7 * _DAY)).astype(np.int32),
        weekend=weekday >= 5,
        holiday=np.zeros(len(slot), dtype=np.bool_),
    )


def _note(row: Mapping[str, Any]) -> str:
    share = row["score_windows_per_s"] / row["bound_score_windows_per_s"]
    return (
        f"{row['detector']}: {row['train_ratio']} times plain in training, {row['score_ratio']} in scoring, {share:.0%} of the bound; "
        f"the portfolio fitted in {row['fit_seconds']} s and scored in {row['score_seconds']} s with {row['peak_mb']} MB"
    )
