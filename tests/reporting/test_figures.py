"""Figures are small PNGs, the same bytes for the same data, and have a glyph for every Korean letter."""

import struct
import sys
import warnings
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from ecoai_pipeline.reporting import figures
from ecoai_pipeline.reporting.figures import (
    as_markdown,
    completeness_figure,
    events_figure,
    load_figure,
    spectrum_figure,
    training_curve,
)

TITLE = "금속 3공장: 부하와 예상 −5 % (kWh)"
START = datetime(2022, 1, 1, tzinfo=UTC)


def load(rows=2976):
    index = pl.int_range(rows, eager=True)
    expected = 40 + 25 * (index % 96 / 96 * 6.283).sin()
    return pl.DataFrame(
        {
            "timestamp": pl.Series([START + timedelta(minutes=15 * n) for n in range(rows)], dtype=pl.Datetime("us", "UTC")),
            "kwh": expected + (index * 7919 % 13 - 6),
            "expected_kwh": expected,
            "low_kwh": expected - 8,
            "high_kwh": expected + 8,
        }
    ).with_columns(kwh=pl.when(pl.int_range(pl.len()).is_between(1000, 1100)).then(2.0).otherwise("kwh"))


def events(meters=12):
    kinds = ["outage", "surge", "sag", "flat"]
    rows = [
        {
            "meter_id": f"metal-{n:03d}",
            "start": START + timedelta(days=n % 30),
            "end": START + timedelta(days=n % 30, hours=8),
            "kind": kinds[n % 4],
        }
        for n in range(meters)
    ]
    schema = {"meter_id": pl.String, "start": pl.Datetime("us", "UTC"), "end": pl.Datetime("us", "UTC"), "kind": pl.String}
    return pl.DataFrame(rows, schema=schema)


def days():
    return pl.DataFrame({"day": [date(2022, 1, n) for n in range(1, 32)], "completeness": [1 - (n % 7 == 3) * 0.4 for n in range(31)]})


def spectra():
    rows = [(24, 0.5, "raw", True), (168, 0.3, "raw", True), (12, 0.1, "raw", False), (4, 0.2, "diff", False), (24, 0.25, "diff", True)]
    return pl.DataFrame(
        [(h * 3600.0, p, s, v) for h, p, s, v in rows], schema=["period_s", "power_share", "signal", "validated"], orient="row"
    )


FIGURES = {
    "load": lambda: load_figure(load(), events(3), title=TITLE, zone="Asia/Seoul"),
    "load_of_a_minute_meter": lambda: load_figure(load(44_640).select("timestamp", "kwh"), title=TITLE),
    "completeness": lambda: completeness_figure(days(), title=TITLE),
    "spectrum": lambda: spectrum_figure(spectra(), title=TITLE),
    "training": lambda: training_curve({"학습": [1 / n for n in range(1, 30)], "검증": [1.1 / n for n in range(1, 30)]}, title=TITLE),
    "events": lambda: events_figure(events(), title=TITLE, zone="Asia/Seoul"),
    "events_of_many_meters": lambda: events_figure(events(300), title=TITLE),
}
EMPTY = {
    "load": lambda: load_figure(load(0)),
    "load_without_any_value": lambda: load_figure(load(20).with_columns(kwh=pl.lit(None, pl.Float64))),
    "completeness": lambda: completeness_figure(days().clear()),
    "spectrum": lambda: spectrum_figure(spectra().clear()),
    "training": lambda: training_curve({}),
    "events": lambda: events_figure(events(0)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_small_png_with_korean_text(name):
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        png = FIGURES[name]()
    assert [str(w.message) for w in raised] == []
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) < 60_000
    width, height = struct.unpack(">II", png[16:24])
    assert width == 720
    assert height < 600


@pytest.mark.parametrize("name", FIGURES)
def test_equal_data_gives_equal_bytes(name):
    assert FIGURES[name]() == FIGURES[name]()


@pytest.mark.parametrize("name", EMPTY)
def test_without_data_a_figure_is_empty_and_no_error(name):
    assert EMPTY[name]().startswith(b"\x89PNG")


def test_without_a_korean_font_the_letters_would_be_missing(monkeypatch):
    """So the test above can fail."""
    monkeypatch.setattr(figures, "_fonts", lambda: ["DejaVu Sans"])
    with pytest.warns(UserWarning, match="Glyph"):
        FIGURES["training"]()


@pytest.mark.parametrize("hours", [1, 3.5, 4, 23, 48, 95, 100, 108, 114, 119, 121, 200, 744, 2200, 9000])
def test_an_axis_of_any_length_finds_its_ticks(hours):
    load_figure(load(4).with_columns(timestamp=pl.Series([START + timedelta(hours=hours) * k / 3 for k in range(4)])))


def test_a_thinned_load_keeps_its_peak():
    long = load(30_000).with_columns(kwh=pl.when(pl.int_range(pl.len()) == 12_345).then(999.0).otherwise("kwh"))
    thin = figures._thinned(long)
    assert thin.height <= 1500
    assert thin["kwh"].max() == 999.0
    assert thin["timestamp"].is_sorted()


def test_the_whole_process_keeps_its_matplotlib(monkeypatch):
    import matplotlib as mpl

    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    ours = ("font.family", "font.size", "axes.unicode_minus")
    before = [mpl.rcParams[name] for name in ours]
    FIGURES["events"]()
    assert [mpl.rcParams[name] for name in ours] == before
    assert "koreanize_matplotlib" not in sys.modules
    assert "matplotlib.pyplot" not in sys.modules


def test_a_picture_goes_into_one_line_of_markdown():
    text = as_markdown(FIGURES["completeness"](), "데이터 완전성")
    assert text.startswith("![데이터 완전성](data:image/png;base64,iVBOR")
    assert "\n" not in text
