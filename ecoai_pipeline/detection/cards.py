"""The model card: what a bundle was trained on and measured at, in words, for whoever opens its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ecoai_pipeline.domain import Industry, Resolution
from ecoai_pipeline.escape import markdown


def model_card(industry: Industry, resolution: Resolution, name: str, metrics: Mapping[str, Any]) -> str:
    """Markdown text of a bundle, from its metrics alone, so that equal bundles have equal cards."""
    spans, plan = metrics["spans"], metrics["window_plan"]
    rows = [
        f"# {name}, {industry}, {resolution} resolution",
        "",
        "Scores how strange the load of an interval is, for meters of this industry and resolution.",
        "",
        "## Data",
        "",
        f"- Learned from {metrics['meters']} meters, {spans['train_from']} to {spans['train_to']} UTC.",
        f"- Calibrated on {spans['calibration_from']} to {spans['calibration_to']} UTC; the window between the two is left out.",
        f"- Digests of data, parameters and code: {metrics['fingerprint']}.",
        f"- Meters left out: {_left_out(metrics['left_out'])}.",
        f"- Detectors that could not be learned: {_left_out(metrics['not_learned'])}.",
        "",
        "## How it was made",
        "",
        f"- Windows: {', '.join(map(str, plan['scales']))} intervals of {plan['interval_s']} s.",
        f"- Seed {metrics['seed']}, {metrics['threads']} threads.",
        *_choice(metrics),
        *_curves(metrics["detectors"]),
        "",
        "## Thresholds",
        "",
        f"- Alarm budget: {metrics['budget_per_meter_month']:g} false alarms per meter in 30 days, which is p below {metrics['q']:.3g};",
        f"  {metrics['alarm_share_in_calibration']:.3g} of the intervals of the calibration span lie there.",
        *_rules(metrics["calibration"]),
        "",
        "## Drift",
        "",
        *_drift(metrics["drift"]),
        "",
        "## Use and limits",
        "",
        "For finding what is strange in readings of these meters, for people to look at. Not for meters of other intervals, and not for",
        "control or billing. A meter that was not learned from is scored by what the portfolio has in common. Thresholds rest on the",
        "calibration span, and from a meter's third day on upon its own last four weeks; no label was used. Average precision is that of",
        "faults of a simulator, put into readings that may hold faults of their own: it tells detectors apart, and not how many real",
        "faults are found.",
        "",
        "## Parameters and facts",
        "",
        "```json",
        json.dumps({key: metrics[key] for key in ("parameters", "calibration", "detectors")}, indent=1, sort_keys=True),
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


def _curves(detectors: Mapping[str, Any]) -> Iterator[str]:
    """Losses of the detectors that learn in epochs: at most ten of them, the first and the last among them."""
    for name, facts in detectors.items():
        for curve, values in facts.get("curve", {}).items():
            step = max(1, -(-len(values) // 9))
            shown = [*values[:-1:step], *values[-1:]]
            yield f"- Training curve of {name}, {curve}, over {len(values)} epochs: {', '.join(f'{value:.3g}' for value in shown)}."


def _rules(calibration: Mapping[str, Any]) -> Iterator[str]:
    for name, facts in sorted(calibration.items()):
        rules = ", ".join(f"{rule} on {count} meters" for rule, count in facts["rules"].items()) or "by the portfolio alone"
        yield f"- {name}: {rules}; each rests on {facts['n']} values, {facts['trimmed']} were trimmed as no tail."


def _drift(drift: Mapping[str, Any]) -> Iterator[str]:
    limits, scores, loads = drift["limits"], drift["scores"], drift["loads"]
    yield f"- Drift is a distance above {limits['load']:g} of loads, {limits['score']:g} of scores, in parts of the range from 5 to 95 %."
    yield f"- Scores (-log10 p) of the calibration span: {', '.join(f'{value:g} at {name}' for name, value in scores.items())}."
    shown = ", ".join(f"{value:g} at {name}" for name, value in loads.items())
    yield f"- Loads of {drift['meters']} meters, in parts of each one's range, the median of meters: {shown or 'none'}."


def _left_out(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{markdown(name)} ({markdown(reason)})" for name, reason in sorted(reasons.items())) or "none"
