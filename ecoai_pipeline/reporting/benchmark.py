"""Figures of a benchmark: who ranks best, whose alarms keep to the budget, series by series, fault by fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ecoai_pipeline import escape
from ecoai_pipeline.reporting.figures import BLUE, GREY, RED, plain, sheet

if TYPE_CHECKING:
    from ecoai_pipeline.evaluation.benchmark import Benchmark
    from ecoai_pipeline.evaluation.cases import Case
    from ecoai_pipeline.settings import EvaluationParams

Row = Mapping[str, Any]
Figures = dict[str, bytes]
_MOST_SERIES = 40
_FEWEST = 0.01  # of false alarms per meter and month, that a logarithmic axis begins with


def benchmark_figures(benchmark: Benchmark, cases: Sequence[Case], params: EvaluationParams) -> Figures:
    """All figures of an evaluation by name."""
    summary = benchmark.summary(params)
    made = {"ranking": ranking_figure(summary), "alarms": alarms_figure(summary)}
    for dataset in dict.fromkeys(row["dataset"] for row in benchmark.rows):
        made[f"series_{dataset}"] = series_figure([row for row in benchmark.rows if row["dataset"] == dataset])
    found = benchmark.by_kind()
    for dataset in dict.fromkeys(row["dataset"] for row in found):
        depths = [row for row in benchmark.by_depth() if row["dataset"] == dataset]
        made[f"faults_{dataset}"] = faults_figure([row for row in found if row["dataset"] == dataset], depths)
    for case in _shown_cases(cases):
        made[f"events_{case.dataset}"] = events_figure(case, benchmark)
    return made


def ranking_figure(summary: Sequence[Row]) -> bytes:
    """Mean VUS-PR of each detector with its interval over series, by data set and subset; a mark where the nights' scores stand."""

    def draw(axes: Any, ordered: Sequence[Row]) -> None:
        at, means = np.arange(len(ordered)), [row["vus_pr"] or 0.0 for row in ordered]
        axes.barh(at, means, color=[_color(row["detector"]) for row in ordered], height=0.7)
        for y, row in zip(at, ordered, strict=True):
            if row["vus_pr_low"] is not None:
                axes.plot([row["vus_pr_low"], row["vus_pr_high"]], [y, y], color="#333333", linewidth=1)
            axes.plot(row["vus_pr_nightly"] or 0.0, y, marker="D", markersize=4, color="white", markeredgecolor=RED)
        axes.set_xlim(0, 1)
        axes.set_xlabel("VUS-PR, ◇ as known each night")

    return _by_panel(summary, "vus_pr", draw, width=3.4, margin=0.7)


def alarms_figure(summary: Sequence[Row]) -> bytes:
    """False alarms per meter and month with their Poisson interval beside the budget, and precision, recall and F1 of events."""

    def draw(axes: Any, ordered: Sequence[Row]) -> None:
        axes.axvspan(0.5, 2, color=GREY, alpha=0.15, linewidth=0)
        axes.axvline(1, color=GREY, linewidth=1)
        beside = axes.get_yaxis_transform()
        for y, row in enumerate(ordered):
            low, rate, high = (max(row[f"false_alarms_{part}"] or 0.0, _FEWEST) for part in ("low", "per_meter_month", "high"))
            axes.plot([low, high], [y, y], color=_color(row["detector"]), linewidth=1.5)
            axes.plot(rate, y, "o", markersize=5, color=_color(row["detector"]))
            shares = (row["event_precision"], row["event_recall"], row["event_f1"])
            text = "  ".join("  – " if share is None else f"{share:.2f}" for share in shares)
            axes.text(1.02, y, text, transform=beside, va="center", fontsize=7.5)
        axes.text(1.02, len(ordered) - 0.3, "prec. recall  F1", transform=beside, va="bottom", fontsize=7.5)
        axes.set_xscale("log")
        axes.set_xlim(_FEWEST, 100)
        axes.set_xlabel("false alarms per meter and month; the budget is 1")

    return _by_panel(summary, "event_f1", draw, width=4.2, margin=0.9)


def _by_panel(summary: Sequence[Row], metric: str, draw: Callable[[Any, Sequence[Row]], None], *, width: float, margin: float) -> bytes:
    """A panel per data set and subset, a line per detector in the order of a metric, drawn by `draw`; sizes of a panel in inches."""
    panels = _panels(summary)
    most = max(len(rows) for rows in panels.values())
    down, across = _grid(len(panels))
    with sheet(width * across + 0.6, (margin + 0.25 * most) * down) as (figure, png):
        for place, (title, rows) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(down, across, place)
            ordered = sorted(rows, key=lambda row: row[metric] or 0.0)
            draw(axes, ordered)
            axes.set_yticks(range(len(ordered)), labels=[row["detector"] for row in ordered])
            axes.set_title(escape.figure(title), fontsize=9, loc="left")
            plain(axes)
        figure.tight_layout()
    return png.getvalue()


def series_figure(rows: Sequence[Row]) -> bytes:
    """VUS-PR of each detector on each series, and subset where there are several."""
    from matplotlib.patches import Rectangle

    columns = list(dict.fromkeys((row["series"], row["subset"]) for row in rows))[:_MOST_SERIES]
    names = list(dict.fromkeys(row["detector"] for row in rows))
    values = np.full((len(names), len(columns)), np.nan)
    for row in rows:
        if (row["series"], row["subset"]) in columns:
            values[names.index(row["detector"]), columns.index((row["series"], row["subset"]))] = row.get("vus_pr") or np.nan
    alike = len({subset for _, subset in columns}) == 1
    with sheet(max(5.5, 1.8 + 0.42 * len(columns)), 1.6 + 0.26 * len(names)) as (figure, png):
        axes = figure.add_subplot()
        axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for y, x in zip(*np.nonzero(np.isfinite(values)), strict=True):
            color = "white" if values[y, x] > 0.55 else "#222222"
            axes.text(x, y, f"{values[y, x]:.2f}".removeprefix("0"), ha="center", va="center", fontsize=6.5, color=color)
        for x in np.flatnonzero(np.isfinite(values).any(axis=0)):
            y = float(np.nanargmax(values[:, x]))
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=RED, linewidth=1.2))
        axes.set_yticks(range(len(names)), labels=names)
        labels = [escape.figure(_short(series) if alike else f"{_short(series)}, {subset}") for series, subset in columns]
        axes.set_xticks(range(len(columns)), labels=labels, rotation=60, ha="right", fontsize=6.5)
        axes.set_title(escape.figure(f"VUS-PR by series: {rows[0]['dataset']}; the best of each framed"), fontsize=9, loc="left")
        axes.spines[:].set_visible(False)
        figure.tight_layout()
    return png.getvalue()


def faults_figure(by_kind: Sequence[Row], by_depth: Sequence[Row]) -> bytes:
    """Share of the injected faults that were found, by kind and by quarter of depth, of each detector."""
    names = list(dict.fromkeys(row["detector"] for row in by_kind))
    with sheet(9.5, 1.5 + 0.26 * len(names)) as (figure, png):
        grid = figure.add_gridspec(1, 2, width_ratios=(len({row["kind"] for row in by_kind}), 4))
        for place, (rows, what) in enumerate(((by_kind, "kind"), (by_depth, "quarter"))):
            classes = sorted({row[what] for row in rows})
            share = np.full((len(names), len(classes)), np.nan)
            for row in rows:
                share[names.index(row["detector"]), classes.index(row[what])] = row["found"] / row["faults"]
            axes = figure.add_subplot(grid[place])
            axes.imshow(share, cmap="Greens", vmin=0, vmax=1, aspect="auto")
            for y, x in zip(*np.nonzero(np.isfinite(share)), strict=True):
                color = "white" if share[y, x] > 0.6 else "#222222"
                axes.text(x, y, f"{100 * share[y, x]:.0f}", ha="center", va="center", fontsize=6.5, color=color)
            axes.set_yticks(range(len(names)), labels=[] if place else names)
            axes.set_xticks(
                range(len(classes)), labels=[_class_label(rows, what, one) for one in classes], rotation=45, ha="right", fontsize=6.5
            )
            axes.set_title("faults found, %, by kind" if what == "kind" else "by depth, spreads", fontsize=9, loc="left")
            axes.spines[:].set_visible(False)
        figure.tight_layout()
    return png.getvalue()


def ablation_figure(rows: Sequence[Row]) -> bytes:
    """What moving one parameter does to VUS-PR: the paired difference over series with its interval, by data set."""
    datasets = list(dict.fromkeys((row["dataset"], row["subset"]) for row in rows))
    names = list(dict.fromkeys(_turned(row) for row in rows))
    with sheet(3.2 * len(datasets) + 3.4, 0.9 + 0.24 * len(names)) as (figure, png):
        for place, (dataset, subset) in enumerate(datasets):
            axes = figure.add_subplot(1, len(datasets), place + 1)
            axes.axvline(0, color=GREY, linewidth=1)
            for row in (row for row in rows if (row["dataset"], row["subset"]) == (dataset, subset) and row["vus_pr"] is not None):
                y, color = names.index(_turned(row)), _color(row["detector"])
                axes.plot(row["vus_pr"], y, "o", markersize=4, color=color)
                if row["vus_pr_low"] is not None:
                    axes.plot([row["vus_pr_low"], row["vus_pr_high"]], [y, y], color=color, linewidth=1.2)
            axes.set_yticks(range(len(names)), labels=[] if place else names)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.set_title(escape.figure(dataset if subset == "all" else f"{dataset}, {subset}"), fontsize=9, loc="left")
            axes.set_xlabel("change of VUS-PR")
            plain(axes)
        figure.tight_layout()
    return png.getvalue()


def _turned(row: Row) -> str:
    knob = str(row["knob"])
    leaf = knob.rsplit(".", 1)[-1] if f".{row['detector']}." in knob else knob
    return f"{row['detector']}: {leaf} {row['from']} → {row['to']}"


def _class_label(rows: Sequence[Row], what: str, value: Any) -> str:
    own = [row for row in rows if row[what] == value]
    if what == "kind":
        return f"{str(value).replace('_', ' ')} ({own[0]['faults']})"
    return f"{own[0]['least_depth']:.1f} to {own[0]['most_depth']:.1f}"


def events_figure(case: Case, benchmark: Benchmark) -> bytes:
    """The test span of one case: load, what was labelled, and the events of each detector below it."""
    judged = {
        name: result for (dataset, series, name), result in benchmark.judgements.items() if (dataset, series) == (case.dataset, case.name)
    }
    start = _test_start(case, benchmark)
    load, labels = case.load.part(start, len(case.load)), case.labels
    assert labels is not None
    with sheet(10, 2.6 + 0.2 * len(judged)) as (figure, png):
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 0.4 + 0.2 * len(judged)))
        times = load.timestamps.astype("datetime64[s]")
        step = max(1, len(load) // 6000)
        upper.plot(times[::step], np.where(load.observed, load.kwh, np.nan)[::step], color=BLUE, linewidth=0.6)
        upper.set_ylabel("kWh")
        title = f"{case.dataset} {case.name}: test span, labelled anomalies in red; events below"
        upper.set_title(escape.figure(title), fontsize=9, loc="left")
        for first, last in _runs(labels[start:]):
            for axes in (upper, lower):
                axes.axvspan(times[first], times[last] + np.timedelta64(case.load.interval_s, "s"), color=RED, alpha=0.25, linewidth=0)
        for row, (name, result) in enumerate(judged.items()):
            for first, last in result["events"]:
                span = times[first - start], times[last - start] + np.timedelta64(case.load.interval_s, "s")
                lower.plot(span, (row, row), color=_color(name), linewidth=5, solid_capstyle="butt")
        lower.set_yticks(range(len(judged)), labels=list(judged))
        lower.set_ylim(len(judged) - 0.5, -0.5)
        for axes in (upper, lower):
            plain(axes)
        figure.tight_layout()
    return png.getvalue()


def _runs(labels: Any) -> Iterator[tuple[int, int]]:
    from ecoai_pipeline.evaluation.ranking import anomalies

    first, last = anomalies(labels)
    return zip(first.tolist(), last.tolist(), strict=True)


def _test_start(case: Case, benchmark: Benchmark) -> int:
    of_case = (case.dataset, case.name)
    return max(int(result["start"]) for (*of, _), result in benchmark.judgements.items() if tuple(of) == of_case)


def _shown_cases(cases: Sequence[Case]) -> Iterator[Case]:
    """The case of each data set with the most labelled runs, whose picture tells most."""
    for dataset in dict.fromkeys(case.dataset for case in cases):
        own = [case for case in cases if case.dataset == dataset and case.labels is not None]
        if own:
            yield max(own, key=_anomalies)


def _anomalies(case: Case) -> int:
    return 0 if case.labels is None else len(list(_runs(case.labels)))


def _panels(summary: Sequence[Row]) -> dict[str, list[Row]]:
    panels: dict[str, list[Row]] = {}
    for row in summary:
        title = row["dataset"] if row["subset"] == "all" else f"{row['dataset']}, {row['subset']}"
        panels.setdefault(f"{title} ({row['series']} series)", []).append(row)
    return panels


def _grid(panels: int) -> tuple[int, int]:
    """Rows and columns that so many panels take, three beside each other."""
    across = min(panels, 3)
    return -(-panels // across), across


def _color(detector: str) -> str:
    """References are grey, so that the eye finds ours."""
    from ecoai_pipeline.evaluation.references import REFERENCES

    return GREY if detector in REFERENCES else RED if detector == "hybrid" else BLUE


def _short(series: str) -> str:
    return series if len(series) <= 12 else f"{series[:8]}…{series[-3:]}" if "#" in series else f"{series[:10]}…"
