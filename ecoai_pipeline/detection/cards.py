"""The model card: what a bundle was trained on and measured at, in words, for whoever opens its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ecoai_pipeline.domain import Industry, Resolution


def model_card(industry: Industry, resolution: Resolution, name: str, metrics: Mapping[str, Any]) -> str:
    """Markdown text of a bundle, from its metrics alone, so that equal bundles have equal cards."""
    spans, plan = metrics["spans"], metrics["window_plan"]
    rows = [
        f"# {name}, {industry}, {resolution} resolution",
        "",
        "Scores how strange the load of an interval is, for meters of this industry and resolution.",
        "",
        f"- Learned from {metrics['meters']} meters, {spans['train_from']} to {spans['train_to']} UTC.",
        f"- Calibrated on {spans['calibration_from']} to {spans['calibration_to']} UTC; the window between the two is left out.",
        f"- Windows: {', '.join(map(str, plan['scales']))} intervals of {plan['interval_s']} s.",
        f"- Alarm budget: {metrics['budget_per_meter_month']:g} false alarms per meter in 30 days.",
        f"- Meters left out: {_left_out(metrics['left_out'])}.",
        f"- Detectors that could not be learned: {_left_out(metrics['not_learned'])}.",
        *_choice(metrics),
        "",
        "Not for meters of other intervals, and not for control or billing. A meter that was not learned from is scored by",
        "what the portfolio has in common. Thresholds rest on the calibration span, and from a meter's third day on upon its own last",
        "four weeks; no label was used.",
        "",
        "```json",
        json.dumps({key: metrics[key] for key in ("calibration", "detectors")}, indent=1, sort_keys=True),
        "```",
    ]
    return "\n".join(rows) + "\n"


def _choice(metrics: Mapping[str, Any]) -> list[str]:
    """Which detectors speak, why, and who says what was expected."""
    verdict, expectation = metrics["backtest"], metrics["expectation"]
    reached = ", ".join(f"{name} {'–' if value is None else f'{value:.3f}'}" for name, value in verdict["average_precision"].items())
    weights = ", ".join(f"{name} {weight:g}" for name, weight in metrics["weights"].items() if weight > 0)
    return [
        f"- Chosen: {verdict['chosen']}; {verdict['reason']} (average precision: {reached}).",
        f"- Weights: {weights}.",
        f"- Expected load: {expectation['from'] or 'none of the detectors says one'}.",
    ]


def _left_out(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name} ({reason})" for name, reason in sorted(reasons.items())) or "none"
