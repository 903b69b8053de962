"""The posters' figures, drawn from what the protocols of the research found: PNG bytes, with English or Korean labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import numpy as np

from ecoai_pipeline.evaluation.research.protocols import Findings
from ecoai_pipeline.evaluation.research.published import OTHER, PUBLISHED
from ecoai_pipeline.evaluation.research.shuffled import headline
from ecoai_pipeline.reporting.figures import BLUE, GREEN, GREY, RED, panels
from ecoai_pipeline.reporting.words import Words

Lang = Literal["en", "ko"]
Row = Mapping[str, Any]

_AMBER = "#e0a100"
_PALETTE = (BLUE, RED, GREEN, _AMBER, "#7b4fa3", "#00838f", "#ad1457", "#6d4c41", "#558b2f", "#ef6c00")
_SMALL = 7
_WIDTH = 9.0
_SHOULDER = 1.03
_RESOLUTIONS = ("high", "mid", "low")
_USUAL_PERIODS_H = (0.05, 0.25, 1, 3, 6, 12, 24, 84, 168, 720, 2190, 8760)
_THRESHOLDS = (
    ("best", "threshold_oracle", RED, "-"),
    ("learned", "threshold_learned", GREEN, "--"),
    ("published", "threshold_published", "black", ":"),
)
# Colours follow the name, so that a detector has the same in every figure.
_COLOR_OF = {
    "random": GREY,
    "difference": "#6d4c41",
    "pca": _AMBER,
    "knn": GREEN,
    "profile": BLUE,
    "usad": RED,
    "lstm_ae": "#7b4fa3",
    "encdec_ad": "#00acc1",
    "cnn_gru": "#827717",
    "usage_z": "#f06292",
    "forecast": "#2e4053",
    "load_shape": "#9ccc65",
}


def figures(findings: Findings, lang: Lang = "en") -> Iterator[tuple[str, bytes]]:
    """Name and picture of everything that can be drawn from the findings."""
    yield from _of_shuffled(findings, lang)
    yield from _of_errors(findings, lang)
    yield from _of_augmentation(findings, lang)
    for detector, curves in _by(findings.drawn("usage_thresholds"), "detector").items():
        yield f"D-thresholds-{detector}", usage_figure(curves, lang)


def roc_figure(curves: Sequence[Row], lang: Lang = "en") -> bytes:
    """ROC curve of each detector on one series, with the point of the threshold that was chosen on the test set."""
    words = Words(lang)
    with panels(1, 1, title=f"{words('roc')}: {_series(curves[0])}", size=(5.2, 4.6)) as (((axes,),), png):
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
        for row in headline(curves):
            if "roc" in row:
                color, counts = _color(row["detector"]), row["confusion"]
                false_rate = counts["false_alarms"] / (counts["false_alarms"] + counts["quiet"])
                label = f"{row['detector']}  AUC {row['auc_shuffled']:.3f}"
                axes.plot(row["roc"]["false_rate"], row["roc"]["recall"], color=color, linewidth=1.3, label=label)
                axes.plot([false_rate], [row["recall_oracle_shuffled"]], "o", color=color, markersize=4)
        axes.set_xlabel(words("false_rate"))
        axes.set_ylabel(words("recall"))
        axes.legend(fontsize=_SMALL, frameon=False, loc="lower right", title=words("point_is_oracle"), title_fontsize=_SMALL)
    return png.getvalue()


def scores_figure(curves: Sequence[Row], lang: Lang = "en") -> bytes:
    """Per detector the scores of normal and anomalous windows with the threshold, and below what that threshold does."""
    words, shown = Words(lang), [row for row in headline(curves) if "histogram" in row]
    size = (max(_WIDTH, 1.9 * len(shown)), 4.4)
    title = f"{words('scores')}: {_series(curves[0])}"
    with panels(2, max(1, len(shown)), title=title, size=size, height_ratios=(1.25, 1)) as (rows, png):
        for column, row in enumerate(shown):
            _histogram(rows[0][column], row, words, first=column == 0)
            _confusion(rows[1][column], row, words, first=column == 0)
    return png.getvalue()


def resolution_figure(rows: Sequence[Row], lang: Lang = "en") -> bytes:
    """F1 and AUC by resolution: mean over series with a dot for each, and the published figures beside them."""
    words, chosen = Words(lang), headline(rows)
    measures = (("f1_oracle_shuffled", words("f1_oracle")), ("auc_shuffled", "AUC"))
    with panels(2, 1, title=words("by_resolution"), size=(_WIDTH, 5.6)) as (all_axes, png):
        for (axes,), (measure, name) in zip(all_axes, measures, strict=True):
            _resolution_bars(axes, chosen, measure, words)
            axes.set_ylabel(name)
            axes.set_ylim(0, 1.03)
        all_axes[0][0].legend(*_legend(all_axes[0][0]), fontsize=_SMALL, frameon=False, loc="center left", bbox_to_anchor=(1, 0.2))
    return png.getvalue()


def periods_figure(curves: Sequence[Row], lang: Lang = "en") -> bytes:
    """Spectra of the load and of its first difference, with the five highest peaks of each."""
    words = Words(lang)
    with panels(2, 1, title=f"{words('spectra')}: {_series(curves[0])}", size=(_WIDTH, 4.8)) as (rows, png):
        for (axes,), curve, color in zip(rows, curves, (BLUE, GREEN), strict=False):
            axes.plot(curve["period_h"], curve["power_share"], color=color, linewidth=0.8)
            axes.plot(curve["peak_h"], curve["peak_share"], "o", color=RED, markersize=4)
            _peak_labels(axes, curve)
            axes.set_xscale("log")
            span = (min(curve["period_h"]) * 0.9, max(curve["period_h"]) * 1.1)
            marks = [hour for hour in _USUAL_PERIODS_H if span[0] <= hour <= span[1]]
            axes.set_xticks(marks, labels=[_period(hour, words) for hour in marks])
            axes.minorticks_off()
            axes.set_xlim(*span)
            axes.set_ylim(0, max(curve["power_share"]) * 1.3)
            axes.set_ylabel(words("power_share"))
            axes.set_title(words(curve["signal"]), fontsize=8, loc="left")
        rows[-1][0].set_xlabel(words("period"))
    return png.getvalue()


def dtw_figure(curve: Row, lang: Lang = "en") -> bytes:
    """DTW errors of the test windows by the forest's verdict."""
    words, bins = Words(lang), curve["distribution"]
    title = f"{words('dtw_errors')}: {_series(curve)}, {curve['detector']}"
    with panels(1, 1, title=title, size=(7.0, 3.2)) as (((axes,),), png):
        edges = np.array(bins["edges"])
        bottom = np.zeros(len(edges) - 1)
        for verdict, color in (("normal", BLUE), ("anomalous", RED)):
            counts = np.array(bins[verdict])
            label = f"{words('verdict')} {words(verdict)} ({counts.sum()})"
            axes.bar(edges[:-1], counts, np.diff(edges), bottom=bottom, align="edge", color=color, linewidth=0, label=label)
            bottom = bottom + counts
        axes.set_xlabel(words("dtw_axis").format(minutes=f"{curve['band_min']:g}"))
        axes.set_ylabel(words("windows"))
        axes.legend(fontsize=_SMALL, frameon=False, title=words("quota"), title_fontsize=_SMALL)
    return png.getvalue()


def week_figure(curve: Row, lang: Lang = "en") -> bytes:
    """The week with the largest error: load, reconstruction, labelled readings and windows that the forest flagged."""
    words, week = Words(lang), curve["week"]
    times = [datetime.fromisoformat(time) for time in week["timestamp"]]
    load = np.array([np.nan if value is None else value for value in week["load"]])
    expected = np.array([np.nan if value is None else value for value in week["expected"]])
    title = f"{words('week')}: {_series(curve)}, {curve['detector']}"
    with panels(1, 1, title=title, size=(_WIDTH, 3.2)) as (((axes,),), png):
        for number, (start, stop) in enumerate(_merged(week["flagged"])):
            label = words("flagged") if number == 0 else None
            axes.axvspan(times[start], times[min(stop, len(times) - 1)], color=_AMBER, alpha=0.22, linewidth=0, label=label)
        axes.plot(times, expected, color=GREY, linewidth=1.0, label=words("reconstruction"))
        axes.plot(times, load, color=BLUE, linewidth=1.0, label=words("load"))
        labelled = np.array(week["labelled"])
        if labelled.any():
            axes.plot(np.array(times)[labelled], load[labelled], ".", color=RED, markersize=4, label=words("labelled"))
        _days(axes)
        axes.set_xlabel("UTC")
        axes.set_ylabel(words("scaled"))
        axes.legend(fontsize=_SMALL, frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1))
    return png.getvalue()


def epsilon_errors_figure(curves: Sequence[Row], lang: Lang = "en") -> bytes:
    """Errors of normal, strange and adversarial days for each epsilon, with the best threshold on that set."""
    words, columns = Words(lang), 3
    title = f"{words('epsilon_errors')}: {_series(curves[0])}, {curves[0]['detector']}"
    lines = -(-len(curves) // columns)
    with panels(lines, columns, title=title, size=(_WIDTH, 2.2 * lines + 0.4)) as (rows, png):
        cells = [axes for row in rows for axes in row]
        for axes, curve in zip(cells, curves, strict=False):
            _error_bars(axes, curve, words)
        for axes in cells[len(curves) :]:
            axes.set_visible(False)
        for row in rows:
            row[0].set_ylabel(words("days"))
        for axes in rows[-1]:
            axes.set_xlabel(words("error"))
        cells[0].figure.legend(*cells[0].get_legend_handles_labels(), fontsize=_SMALL, frameon=False, ncols=4, loc="outside lower left")
    return png.getvalue()


def epsilon_curve_figure(rows: Sequence[Row], lang: Lang = "en") -> bytes:
    """F1 over epsilon, a line per series, what alarming always would reach, and the published figures."""
    words = Words(lang)
    with panels(1, 1, title=words("epsilon_curve"), size=(7.0, 3.8)) as (((axes,),), png):
        levels = sorted({row["epsilon"] for row in rows})
        place = {epsilon: number for number, epsilon in enumerate(levels)}
        for (name, of_series), color in zip(_by(rows, "series").items(), _PALETTE * 3, strict=False):
            x = [place[row["epsilon"]] for row in of_series]
            label = f"{_short(name)}, {of_series[0]['detector']}"
            axes.plot(
                x, [row["f1_oracle_shuffled"] for row in of_series], marker="o", markersize=4, linewidth=1.3, color=color, label=label
            )
        always = [np.mean([row["f1_of_alarm_always"] for row in rows if row["epsilon"] == epsilon]) for epsilon in levels]
        axes.plot(range(len(levels)), always, color=GREY, linestyle=":", linewidth=1.3, label=words("alarm_always"))
        published = [(place[float(one.at)], one.value) for one in PUBLISHED if one.protocol == "C" and float(one.at) in place]
        axes.plot(*zip(*published, strict=True), "D", color="black", markersize=5, label=words("published_c"), fillstyle="none")
        axes.set_xticks(range(len(levels)), labels=[words("without") if level == 0 else f"{level:g}" for level in levels])
        axes.set_ylim(0, 1.02)
        axes.set_xlabel(words("epsilon"))
        axes.set_ylabel(words("f1_oracle"))
        axes.legend(fontsize=_SMALL, frameon=False, loc="lower left", bbox_to_anchor=(1, 0))
    return png.getvalue()


def effect_figure(rows: Sequence[Row], lang: Lang = "en") -> bytes:
    """What made days in training change on real or injected faults: mean paired difference with its interval of 95 %."""
    words, uses = Words(lang), list(dict.fromkeys(row["use"] for row in rows))
    title = f"{words('effect')}: {words.dataset(rows[0]['dataset'])}, {rows[0]['detector']} ({rows[0]['pairs']} {words('pairs_of')})"
    with panels(1, len(uses), title=title, size=(_WIDTH, 3.2)) as ((row_of_axes,), png):
        for axes, use in zip(row_of_axes, uses, strict=True):
            _effect(axes, [row for row in rows if row["use"] == use], words)
        row_of_axes[0].legend(fontsize=_SMALL, frameon=False, loc="best")
    return png.getvalue()


def usage_figure(curves: Sequence[Row], lang: Lang = "en") -> bytes:
    """F1 over the threshold for each usage type, with the best one on the test span, the published one and one learned without labels."""
    words = Words(lang)
    title = f"{words('usage')}: {words.dataset(curves[0]['dataset'])}, {curves[0]['detector']}"
    with panels(1, len(curves), title=title, size=(_WIDTH, 2.9)) as ((row_of_axes,), png):
        top = max(max(curve["f1"]) for curve in curves)
        for axes, curve in zip(row_of_axes, curves, strict=True):
            axes.plot(curve["grid"], curve["f1"], color=BLUE, linewidth=1.3)
            for name, value, color, style in _THRESHOLDS:
                if curve[value] is not None:
                    axes.axvline(curve[value], color=color, linestyle=style, linewidth=1.0, label=f"{words(name)} {curve[value]:.1f}")
            axes.set_title(words(curve["usage_type"]), fontsize=8, loc="left")
            axes.set_xscale("log")
            axes.set_xticks([0.5, 1, 2, 5, 10, 20, 50], labels=["0.5", "1", "2", "5", "10", "20", "50"])
            axes.minorticks_off()
            axes.set_xlabel("Z")
            axes.set_ylim(0, top * 1.6)
            axes.legend(fontsize=_SMALL, facecolor="white", framealpha=1, edgecolor="none", loc="upper right")
        row_of_axes[0].set_ylabel(words("f1_test"))
    return png.getvalue()


def _of_shuffled(findings: Findings, lang: Lang) -> Iterator[tuple[str, bytes]]:
    """Of several trainings and of several seeds of faults the first; all are in the bars."""
    rows = findings.table("shuffled_windows")
    for series, curves in _by(findings.drawn("shuffled_windows"), "series").items():
        first = [row for row in curves if (row["fault_seed"], row["run"]) == (curves[0]["fault_seed"], curves[0]["run"])]
        yield f"A-roc-{_file(first[0], series)}", roc_figure(first, lang)
        yield f"A-scores-{_file(first[0], series)}", scores_figure(first, lang)
    if rows:
        yield "A-by-resolution", resolution_figure(rows, lang)


def _of_errors(findings: Findings, lang: Lang) -> Iterator[tuple[str, bytes]]:
    for series, curves in _by(findings.drawn("periods"), "series").items():
        yield f"B-periods-{_file(curves[0], series)}", periods_figure(curves, lang)
    for curve in findings.drawn("dtw_verdicts"):
        name = f"{_file(curve, curve['series'])}-{curve['detector']}"
        yield f"B-dtw-{name}", dtw_figure(curve, lang)
        yield f"B-week-{name}", week_figure(curve, lang)


def _of_augmentation(findings: Findings, lang: Lang) -> Iterator[tuple[str, bytes]]:
    for detector, of_detector in _by(findings.drawn("epsilon_curve"), "detector").items():
        for series, curves in _by(of_detector, "series").items():
            yield f"C-errors-{_file(curves[0], series)}-{detector}", epsilon_errors_figure(curves, lang)
        yield f"C-epsilon-{detector}", epsilon_curve_figure(of_detector, lang)
    for detector, of_detector in _by(findings.table("augmentation_effect"), "detector").items():
        for dataset, rows in _by(of_detector, "dataset").items():
            yield f"C-effect-{dataset.replace(' ', '-')}-{detector}", effect_figure(rows, lang)


def _histogram(axes: Any, row: Row, words: Words, *, first: bool) -> None:
    bins = row["histogram"]
    edges = np.array(bins["edges"])
    for name, color in (("normal", BLUE), ("anomalous", RED)):
        axes.stairs(bins[name], edges, color=color, fill=True, alpha=0.45, label=words(name))
    axes.axvline(bins["threshold"], color="black", linewidth=1.0, linestyle="--", label=words("threshold_oracle"))
    if bins["logarithmic"]:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_yscale("symlog", linthresh=1)
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.set_title(f"{row['detector']} ({row['aggregation']})", fontsize=8, loc="left")
    if first:
        axes.set_ylabel(words("windows"))
        axes.figure.legend(*axes.get_legend_handles_labels(), fontsize=_SMALL, frameon=False, ncols=3, loc="outside lower left")


def _confusion(axes: Any, row: Row, words: Words, *, first: bool) -> None:
    """Two by two: truth in rows, verdict in columns."""
    counts = row["confusion"]
    table = np.array([[counts["quiet"], counts["false_alarms"]], [counts["misses"], counts["hits"]]])
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
    for (truth, verdict), count in np.ndenumerate(table):
        axes.text(verdict, truth, f"{count:,}\n{100 * share[truth, verdict]:.0f} %", ha="center", va="center", fontsize=_SMALL)
    axes.set_xticks([0, 1], labels=[words("no_alarm"), words("alarm")])
    axes.set_yticks([0, 1], labels=[words("normal"), words("anomalous")] if first else ["", ""])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel(f"F1 {row['f1_oracle_shuffled']:.3f}")


def _resolution_bars(axes: Any, rows: Sequence[Row], measure: str, words: Words) -> None:
    detectors = list(dict.fromkeys(row["detector"] for row in rows))
    published = [one for one in PUBLISHED if one.protocol == "A" and one.measure == measure]
    width = 0.84 / (len(detectors) + 2)
    for place, resolution in enumerate(_RESOLUTIONS):
        for number, name in enumerate(detectors):
            values = [
                row[measure] for row in rows if row["detector"] == name and row["resolution"] == resolution and row[measure] is not None
            ]
            if values:
                x = place - 0.42 + (number + 0.5) * width
                axes.bar(x, np.mean(values), width * 0.9, color=_color(name), label=name)
                axes.plot([x] * len(values), values, ".", color="black", markersize=2.5, alpha=0.6)
        for number, one in enumerate(one for one in published if one.at == resolution):
            x = place - 0.42 + (len(detectors) + number + 0.5) * width
            hatch = "" if one.detector == "usad" else "///"
            axes.bar(
                x,
                one.value,
                width * 0.9,
                color="white",
                edgecolor="black",
                linewidth=0.8,
                hatch=hatch,
                label=words(f"published_{one.detector}"),
            )
    seen = {
        resolution: sorted({words.dataset(row["dataset"]) for row in rows if row["resolution"] == resolution})
        for resolution in _RESOLUTIONS
    }
    theirs = {one.at: words.dataset(one.dataset) + ("*" if one.comparable == OTHER else "") for one in published}
    labels = [f"{words(each)}\n{', '.join(seen[each]) or '-'} | {words('poster')}: {theirs.get(each, '-')}" for each in _RESOLUTIONS]
    axes.set_xticks(range(len(_RESOLUTIONS)), labels=labels)


def _error_bars(axes: Any, curve: Row, words: Words) -> None:
    bins = curve["errors"]
    for name, color in (("normal", BLUE), ("anomalous", RED), ("adversarial", _AMBER)):
        axes.stairs(bins[name], bins["edges"], color=color, fill=True, alpha=0.5, label=words(name if name != "anomalous" else "strange"))
    axes.axvline(curve["threshold_oracle"], color="black", linestyle="--", linewidth=1.0, label=words("threshold_oracle"))
    axes.set_xscale("log")
    axes.minorticks_off()
    level = words("without") if curve["epsilon"] == 0 else f"ε = {curve['epsilon']:g}"
    axes.set_title(f"{level}, F1 {curve['f1_oracle_shuffled']:.3f}", fontsize=8, loc="left")


def _effect(axes: Any, rows: Sequence[Row], words: Words) -> None:
    levels = sorted({row["epsilon"] for row in rows})
    axes.axhline(0, color="black", linewidth=0.8)
    for shift, (name, color) in zip((-0.1, 0.1), (("adversarial", _AMBER), ("noise", GREY)), strict=True):
        chosen = sorted((row for row in rows if row["augmentation"] == name), key=lambda row: float(row["epsilon"]))
        x = np.arange(len(chosen)) + shift
        middle = np.array([row["difference"] for row in chosen])
        reach = np.array([[row["difference"] - row["low"], row["high"] - row["difference"]] for row in chosen]).T
        axes.errorbar(x, middle, yerr=np.maximum(reach, 0), fmt="o", color=color, markersize=4, capsize=2, linewidth=1.2, label=words(name))
    axes.set_xticks(range(len(levels)), labels=[f"{level:g}" for level in levels])
    axes.set_xlabel(words("epsilon"))
    axes.set_title(words(f"use_{rows[0]['use']}"), fontsize=8, loc="left")
    axes.set_ylabel(f"Δ {words(rows[0]['measure'])}")


def _peak_labels(axes: Any, curve: Row) -> None:
    """Peaks named by length in intervals, higher where they stand close; shoulders of one peak have one name."""
    last = None
    for hours, share in sorted(zip(curve["peak_h"], curve["peak_share"], strict=True)):
        if last is not None and hours / last[0] < _SHOULDER:
            continue
        near = last is not None and hours / last[0] < 1.25
        lift = last[1] + 9 if near and last is not None else 4
        samples = hours * 3600 / curve["interval_s"]
        axes.annotate(f"{samples:.4g}", (hours, share), xytext=(0, lift), textcoords="offset points", ha="center", fontsize=_SMALL)
        last = (hours, lift)


def _period(hours: float, words: Words) -> str:
    if hours < 1:
        return f"{60 * hours:g} {words('minutes')}"
    return f"{hours:g} {words('hours')}" if hours < 48 else f"{hours / 24:.3g} {words('days_short')}"


def _merged(spans: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Overlapping spans as one; they are in order.

    >>> _merged([(0, 4), (2, 6), (8, 9)])
    [(0, 6), (8, 9)]
    """
    merged: list[tuple[int, int]] = []
    for start, stop in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _days(axes: Any) -> None:
    from matplotlib.dates import DateFormatter, DayLocator

    axes.xaxis.set_major_locator(DayLocator())  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))  # type: ignore[no-untyped-call]


def _legend(axes: Any) -> tuple[list[Any], list[str]]:
    """Each name once, whatever the number of its bars."""
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    return list(once.values()), list(once)


def _by(rows: Sequence[Row], name: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


def _color(detector: str) -> str:
    return _COLOR_OF.get(detector) or _PALETTE[sum(detector.encode()) % len(_PALETTE)]


def _series(row: Row) -> str:
    return f"{row['dataset']}, {_short(row['series'])}"


def _short(series: str) -> str:
    """A name of the length that a title has room for."""
    return series if len(series) <= 24 else series[:8]


def _file(row: Row, series: str) -> str:
    safe = "".join(letter if letter.isalnum() else "-" for letter in _short(series))
    return f"{row['dataset'].replace(' ', '-')}-{safe}"
