"""Small figures for the UI and reports: polars frames in, PNG bytes out; no window system and no global state of pyplot."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from ecoai_pipeline import escape

Form = Literal["png", "svg"]
_SIZE, _DPI = (8.0, 2.8), 90
GREY, BLUE, RED, GREEN = "#9aa5b1", "#1f5fa8", "#c8372d", "#2e8b57"
_PALETTE = (RED, BLUE, GREEN, "#e0a100", "#7b4fa3", "#00838f", "#ad1457", "#6d4c41", "#558b2f", "#455a64", "#ef6c00")
_METERS_SHOWN = 25
_LONGEST_NAME = 22  # characters that the margin holds
_POINTS_SHOWN = 1500  # about two per pixel


def as_markdown(png: bytes, alt: str) -> str:
    r"""The picture inside a line of markdown, as the Dagster UI shows it.

    >>> print(as_markdown(b"png", "load [kWh]"))
    ![load \[kWh\]](data:image/png;base64,cG5n)
    """
    return f"![{escape.markdown(alt)}](data:image/png;base64,{base64.b64encode(png).decode()})"


def load_figure(
    load: pl.DataFrame,
    events: pl.DataFrame | None = None,
    *,
    title: str = "",
    zone: str = "UTC",
    form: Form = "png",
    labels: tuple[str, str] = ("expected", "5 % to 95 %"),
) -> bytes:
    """Load of one meter against what was expected.

    Args:
        load: timestamp (UTC), kwh, and where known expected_kwh, low_kwh, high_kwh; a row per interval, in order.
        events: start, end (UTC) of the spans to shade.
        zone: the clock of the axis.
        form: of the picture.
        labels: of the expected load and of its band.
    """
    local = _clock(_thinned(load), "timestamp", zone=zone)
    with _axes(_named(title, zone), "kWh", form=form) as (axes, png):
        times = local["timestamp"].to_numpy()
        if {"low_kwh", "high_kwh"} <= set(local.columns):
            band = (local[name].to_numpy() for name in ("low_kwh", "high_kwh"))
            axes.fill_between(times, *band, color=GREY, alpha=0.35, linewidth=0, label=labels[1])
        if "expected_kwh" in local.columns:
            axes.plot(times, local["expected_kwh"].to_numpy(), color=GREY, linewidth=0.9, label=labels[0])
        axes.plot(times, local["kwh"].to_numpy(), color=BLUE, linewidth=0.9, label="kWh")
        for start, end in () if events is None else _clock(events, "start", "end", zone=zone).select("start", "end").iter_rows():
            axes.axvspan(start, end, color=RED, alpha=0.18, linewidth=0)
        _dates(axes)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=7, frameon=False, ncols=3)
    return png.getvalue()


def completeness_figure(days: pl.DataFrame, *, title: str = "") -> bytes:
    """Share of the expected readings that came, day by day.

    Args:
        days: day (date), completeness (0 to 1), a row per day or per meter and day; the mean of a day is drawn.
    """
    by_day = days.group_by("day").agg(pl.col("completeness").mean()).sort("day")
    with _axes(title, "readings, %") as (axes, png):
        percent = (by_day["completeness"] * 100).to_numpy()
        colors = [GREEN if share >= 99 else RED if share < 90 else "#e0a100" for share in percent]
        axes.bar(by_day["day"].to_numpy(), percent, color=colors, width=0.85)
        axes.set_ylim(0, max(102, float(percent.max(initial=0)) * 1.02))
        _dates(axes)
    return png.getvalue()


def spectrum_figure(spectra: pl.DataFrame, *, title: str = "") -> bytes:
    """Periods found in the load of some meters: length against strength, those that the autocorrelation confirms in colour.

    Args:
        spectra: period_s, power_share, signal, validated, a row per period and meter.
    """
    with _axes(title, "share of power") as (axes, png):
        for signal, marker in (("raw", "o"), ("diff", "^")):
            for validated, color in ((False, GREY), (True, BLUE)):
                found = spectra.filter((pl.col("signal") == signal) & (pl.col("validated") == validated))
                if found.height:
                    label = f"{signal}, {'confirmed' if validated else 'not confirmed'}"
                    hours, power = (found["period_s"] / 3600).to_numpy(), found["power_share"].to_numpy()
                    axes.scatter(hours, power, s=28, marker=marker, color=color, linewidths=0, label=label)
        axes.set_xscale("log")
        axes.set_xlabel("period, h", fontsize=8)
        marks = _period_marks(spectra)
        axes.set_xticks(marks, labels=[f"{hour:g}" for hour in marks])
        axes.minorticks_off()
        if spectra.height:
            axes.legend(fontsize=7, frameon=False)
    return png.getvalue()


def training_curve(losses: Mapping[str, Sequence[float]], *, title: str = "") -> bytes:
    """Losses by epoch, a line per name."""
    with _axes(title, "loss") as (axes, png):
        for (name, values), color in zip(losses.items(), _PALETTE, strict=False):
            axes.plot(range(1, len(values) + 1), values, color=color, linewidth=1.2, marker=".", markersize=4, label=name)
        axes.set_xlabel("epoch", fontsize=8)
        if losses:
            axes.legend(fontsize=7, frameon=False)
    return png.getvalue()


def events_figure(events: pl.DataFrame, *, title: str = "", zone: str = "UTC") -> bytes:
    """When which meter behaved abnormally: a bar per event, coloured by kind, the meters with most events above.

    Args:
        events: meter_id, start, end (UTC), kind, a row per event.
    """
    meters = events.group_by("meter_id").len().sort("len", "meter_id", descending=[True, False])["meter_id"].to_list()
    shown, more = meters[:_METERS_SHOWN], len(meters) - _METERS_SHOWN
    local = _clock(events, "start", "end", zone=zone)
    kinds = dict(zip(sorted(events["kind"].unique().to_list()), _PALETTE * 2, strict=False))
    heading, height = _named(title, zone) + (f" ({more} more meters)" if more > 0 else ""), 1.2 + 0.17 * max(len(shown), 4)
    with _axes(heading, "", height=height, left=1.6, right=1.2) as (axes, png):
        for kind, color in kinds.items():
            part = local.filter((pl.col("kind") == kind) & pl.col("meter_id").is_in(shown))
            rows = [shown.index(meter) for meter in part["meter_id"]]
            axes.hlines(rows, part["start"].to_numpy(), part["end"].to_numpy(), color=color, linewidth=5, label=kind)
        axes.set_yticks(range(len(shown)), labels=[escape.figure(meter, _LONGEST_NAME) for meter in shown])
        axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
        if kinds:
            _dates(axes)
            axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return png.getvalue()


def _named(title: str, zone: str) -> str:
    """A title with the zone of the times on the axis."""
    return f"{title}, {zone}" if title else zone


def _thinned(load: pl.DataFrame) -> pl.DataFrame:
    """At most so many points that the picture can show; of each stretch the reading farthest from its mean is kept."""
    step = -(-load.height // _POINTS_SHOWN)
    if step <= 1:
        return load
    far = (pl.col("kwh") - pl.col("kwh").mean()).abs().fill_null(0).arg_max()
    return load.group_by(pl.int_range(pl.len()) // step, maintain_order=True).agg(pl.all().get(far)).select(load.columns)


def _clock(frame: pl.DataFrame, *columns: str, zone: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(columns).dt.convert_time_zone(zone).dt.replace_time_zone(None))


def _period_marks(spectra: pl.DataFrame) -> list[float]:
    """Calendar lengths within reach of the periods found, in hours."""
    low, high = (spectra["period_s"].min(), spectra["period_s"].max()) if spectra.height else (3600, 604_800)
    inside = [h for h in (0.25, 1, 3, 6, 12, 24, 84, 168, 336) if float(low) / 7200 <= h <= float(high) / 1800]  # type: ignore[arg-type]
    return inside or [float(low) / 3600]  # type: ignore[arg-type]


@contextmanager
def _axes(
    title: str, unit: str, *, height: float = _SIZE[1], left: float = 0.7, right: float = 0.15, form: Form = "png"
) -> Iterator[tuple[Any, BytesIO]]:
    """Axes to draw on, with fixed margins in inches (finding them takes longer than drawing); at the end the picture is in the buffer."""
    with sheet(_SIZE[0], height, form) as (figure, png):
        axes = figure.add_axes((left / _SIZE[0], 0.45 / height, 1 - (left + right) / _SIZE[0], 1 - 0.75 / height))
        axes.set_title(escape.figure(title), fontsize=9, loc="left")
        axes.set_ylabel(unit)
        plain(axes)
        yield axes, png


@contextmanager
def sheet(width: float, height: float, form: Form = "png") -> Iterator[tuple[Any, BytesIO]]:
    """An empty figure of so many inches that knows Korean; at the end its picture is in the buffer."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    png = BytesIO()
    with mpl.rc_context({"font.family": _fonts(), "axes.unicode_minus": False, "font.size": 8, "svg.hashsalt": "ecoai"}):
        figure = Figure(figsize=(width, height), dpi=_DPI)
        yield figure, png
        with warnings.catch_warnings():  # a letter of an id that no font has is drawn as a box; Korean must have its font
            warnings.filterwarnings("ignore", message="Glyph (?!.*HANGUL SYLLABLE).* missing from font", category=UserWarning)
            png.write(_encoded(figure) if form == "png" else _drawn(figure))


def plain(axes: Any) -> None:
    """Two spines and a light grid, as all our axes have."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.5)


@contextmanager
def panels(
    rows: int, columns: int, *, title: str, size: tuple[float, float], **ratios: Sequence[float]
) -> Iterator[tuple[list[list[Any]], BytesIO]]:
    """Rows of axes that find their own place under a title, for figures that are made seldom; at the end the picture is in the buffer.

    Args:
        size: inches.
        ratios: `height_ratios` and `width_ratios`.
    """
    with sheet(*size) as (figure, png):
        figure.set_layout_engine("constrained")
        figure.suptitle(escape.figure(title), fontsize=10, x=0.01, ha="left")
        axes = figure.subplots(rows, columns, squeeze=False, gridspec_kw=dict(ratios)).tolist()
        for one in (one for row in axes for one in row):
            plain(one)
        yield axes, png


def _encoded(figure: Any) -> bytes:
    """The drawing as a PNG of few colours, a quarter of the size of true colour: it travels in the run's metadata."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    png = BytesIO()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(64, Image.Quantize.MAXCOVERAGE).save(png, format="PNG")
    return png.getvalue()


def _drawn(figure: Any) -> bytes:
    """The drawing as SVG, letters as outlines, so that it looks alike where our fonts are not; equal drawings give equal bytes."""
    svg = BytesIO()
    figure.savefig(svg, format="svg", metadata={"Date": None})
    return svg.getvalue()


def _dates(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    # With five ticks at least, the default, no interval fits four and a half to five days into ten, and it warns.
    locator = AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


@cache
def _fonts() -> list[str]:
    """A Latin font and behind it one that has Korean.

    The font is taken from the folder of koreanize-matplotlib, which is not imported: that changes matplotlib for the
    whole process and needs distutils.
    """
    from matplotlib import font_manager

    found = find_spec("koreanize_matplotlib")
    if found is None or not found.submodule_search_locations:
        return ["DejaVu Sans"]
    file = Path(found.submodule_search_locations[0]) / "fonts" / "NanumGothic.ttf"
    font_manager.fontManager.addfont(str(file))
    return ["DejaVu Sans", "NanumGothic"]
