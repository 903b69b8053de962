"""Drawings of a page as inline SVG, written directly: two hundred of them in a second, and each colour is a variable of the style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.escape import html as escape
from ecoai_pipeline.reporting.texts import Lang, number, weekday_name

Floats = NDArray[np.float64]
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 720, 190, 54, 8, 20
_POINTS, _BAND_POINTS = 700, 240  # a reading per pixel, and every third for what is smooth
_NEAR_ZERO = 0.6  # of the greatest value: a load that falls below it is drawn from zero on, a steadier one is looked at more closely
_CELL = 13
_STEPS = (0.4, 0.7, 0.9, 1.1, 1.4, 2.0)  # ratios at which a calendar changes its colour
_RARE, _MUCH = 0.8, 1.2  # beyond these a cell has a sign as well, for those who see no colours


def load_chart(load: pl.DataFrame, marked: tuple[datetime, datetime], zone: str, title: str, lang: Lang) -> str:
    """Load of a meter in power, the expected one with its band, and the marked interval.

    Args:
        load: timestamp, interval_s, kwh, expected_kwh, low_kwh, high_kwh, in order.
        marked: start and end of the event.
        zone: of the axis.
        title: what a screen reader says of it.
    """
    if load.height < 2:
        return ""
    times = load["timestamp"].dt.epoch("s").to_numpy().astype(np.float64)
    hours = load["interval_s"].to_numpy() / 3600
    columns = ("kwh", "expected_kwh", "low_kwh", "high_kwh")
    kwh, expected, low, high = (load[name].fill_null(np.nan).to_numpy() / hours for name in columns)
    scale = _Scale.of(times, hours[-1] * 3600, kwh, high, low)
    thin = _thinned(len(times), _BAND_POINTS)
    parts = [
        _axis(scale, zone, lang),
        f'<path class="band" d="{_band(scale, times[thin], low[thin], high[thin])}"/>',
        f'<path class="expected" d="{_line(scale, times[thin], expected[thin])}"/>',
        _mark(scale, marked),
        f'<path class="load" d="{_line(scale, *_extremes(times, kwh))}"/>',
    ]
    return f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{escape(title)}</title>{"".join(parts)}</svg>'


class _Scale:
    """From seconds and kW to places on the drawing."""

    def __init__(self, first: float, last: float, least: float, most: float) -> None:
        self.first, self.last, self.least, self.most = first, last, least, most

    @classmethod
    def of(cls, times: Floats, step_s: float, *values: Floats) -> _Scale:
        known = np.concatenate([own[np.isfinite(own)] for own in values])
        least, most = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        if 0 < least < _NEAR_ZERO * most:
            least = 0.0
        return cls(float(times[0]), float(times[-1] + step_s), least, most if most > least else least + 1.0)

    def x(self, seconds: Floats | float) -> Floats:
        return _LEFT + (np.asarray(seconds) - self.first) / (self.last - self.first) * (_WIDTH - _LEFT - 2)

    def y(self, power: Floats | float) -> Floats:
        return _HEIGHT - _BOTTOM - (np.asarray(power) - self.least) / (self.most - self.least) * (_HEIGHT - _TOP - _BOTTOM)


def _line(scale: _Scale, times: Floats, values: Floats) -> str:
    """Path commands; a gap in the values is one in the line."""
    x, y = np.round(scale.x(times), 1), np.round(scale.y(values), 1)
    known = np.isfinite(values)
    begins = known & ~np.concatenate(([False], known[:-1]))
    return "".join(f"{'M' if begins[i] else 'L'}{x[i]:g} {y[i]:g}" for i in np.flatnonzero(known))


def _band(scale: _Scale, times: Floats, low: Floats, high: Floats) -> str:
    known = np.isfinite(low) & np.isfinite(high)
    if not known.any():
        return ""
    x, top, bottom = (np.round(own[known], 0) for own in (scale.x(times), scale.y(high), scale.y(low)))
    there = "L".join(f"{a:g} {b:g}" for a, b in zip(x, top, strict=True))
    back = "L".join(f"{a:g} {b:g}" for a, b in zip(x[::-1], bottom[::-1], strict=True))
    return f"M{there}L{back}Z"


def _mark(scale: _Scale, marked: tuple[datetime, datetime]) -> str:
    first, last = (float(np.clip(scale.x(edge.timestamp()), _LEFT, _WIDTH - 2)) for edge in marked)
    return f'<rect class="mark" x="{first:.1f}" y="{_TOP}" width="{max(last - first, 2):.1f}" height="{_HEIGHT - _TOP - _BOTTOM}"/>'


def _axis(scale: _Scale, zone: str, lang: Lang) -> str:
    """Lines at round powers and at local midnights, with their words."""
    parts = []
    for power in _round_values(scale.least, scale.most):
        y = float(scale.y(power))
        parts.append(
            f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH}"/><text x="{_LEFT - 4}" y="{y + 3:.1f}" class="end">{number(power)}</text>'
        )
    parts.append(f'<text x="2" y="{_HEIGHT - 6}">kW</text>')
    midnights = _midnights(scale.first, scale.last, zone)
    every = -(-len(midnights) // 8)
    for n, midnight in enumerate(midnights):
        x = float(scale.x(midnight.timestamp()))
        label = f"{weekday_name(midnight, lang)} {midnight.day}" if lang == "en" else f"{midnight.day}일({weekday_name(midnight, lang)})"
        text = f'<text x="{x + 3:.1f}" y="{_HEIGHT - 6}">{label}</text>' if n % every == 0 and x < _WIDTH - 60 else ""
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"/>{text}')
    return "".join(parts)


def _midnights(first: float, last: float, zone: str) -> list[datetime]:
    local = datetime.fromtimestamp(first, ZoneInfo(zone))
    day, found = local.date() + timedelta(days=1), []
    while (midnight := datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))).timestamp() < last:
        found.append(midnight)
        day += timedelta(days=1)
    return found


def _round_values(least: float, most: float) -> list[float]:
    """About four round numbers within a range."""
    step = 10.0 ** np.floor(np.log10((most - least) / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if (most - least) / (step * factor) <= 5)
    return [round(float(value), 10) for value in np.arange(np.ceil(least / step), np.floor(most / step) + 1) * step]


def _thinned(count: int, points: int) -> slice:
    return slice(None, None, max(1, -(-count // points)))


def _extremes(times: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Few enough points for the drawing: of each stretch its least and its greatest value."""
    step = -(-len(values) // (_POINTS // 2))
    if len(values) <= _POINTS:
        return times, values
    chosen = []
    for start in range(0, len(values), step):
        part = values[start : start + step]
        if np.isfinite(part).any():
            chosen += sorted({start + int(np.nanargmin(part)), start + int(np.nanargmax(part))})
        else:
            chosen.append(start)
    return times[chosen], values[chosen]


def share_bars(shares: Mapping[str, float]) -> str:
    """Shares that sum up to 1 as rows of bars."""
    rows = (
        f"<tr><th scope=row>{escape(name)}</th><td class=n>{100 * share:.0f} %</td>"
        f'<td class=bar><span style="width:{100 * share:.1f}%"></span></td></tr>'
        for name, share in shares.items()
    )
    return f'<table class="shares"><tbody>{"".join(rows)}</tbody></table>'


def calendar(ratio: Mapping[date, float | None], events: frozenset[date], title: str, lang: Lang) -> str:
    """A square per day, a column per week: what was used by what was expected; days of events have a frame."""
    days = sorted(ratio)
    first = days[0] - timedelta(days=days[0].weekday())
    columns = (days[-1] - first).days // 7 + 1
    cells = "".join(_day(day, ratio[day], day in events, (day - first).days) for day in days)
    names = "".join(f'<text x="0" y="{row * _CELL + 10}">{weekday_name(first + timedelta(days=row), lang)}</text>' for row in (0, 2, 4, 6))
    width = 26 + columns * _CELL
    opening = f'<svg class="calendar" style="width:{1.4 * width:.0f}px" viewBox="0 0 {width} {7 * _CELL}" role="img">'
    return f"{opening}<title>{escape(title)}</title>{names}{cells}</svg>"


def _day(day: date, ratio: float | None, event: bool, place: int) -> str:
    x, y = 26 + place // 7 * _CELL, place % 7 * _CELL
    level = "none" if ratio is None else f"r{sum(ratio > step for step in _STEPS)}"
    told = f"<title>{day}: {'–' if ratio is None else f'{100 * ratio:.0f} %'}</title>"
    sign = "" if ratio is None or _RARE <= ratio <= _MUCH else ("−" if ratio < _RARE else "+")
    text = f'<text class="sign" x="{x + 6}" y="{y + 9}">{sign}</text>' if sign else ""
    frame = f'<rect class="frame" x="{x + 0.5}" y="{y + 0.5}" width="{_CELL - 2}" height="{_CELL - 2}"/>' if event else ""
    return f'<g>{told}<rect class="{level}" x="{x}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}"/>{text}{frame}</g>'


def legend() -> str:
    """The colours of a calendar with their ratios."""
    edges = (*(f"≤ {100 * step:.0f} %" for step in _STEPS), f"> {100 * _STEPS[-1]:.0f} %")
    return "".join(f'<span><i class="r{n}"></i>{edge}</span>' for n, edge in enumerate(edges))


def hours(counts: Mapping[tuple[int, int], int], names: Sequence[str], title: str) -> str:
    """A square per hour of the week, darker with more."""
    most = max(counts.values(), default=0)
    cells = []
    for weekday in range(7):
        cells.append(f'<text x="0" y="{weekday * 14 + 11}">{names[weekday]}</text>')
        for hour in range(24):
            count = counts.get((weekday, hour), 0)
            told = f"<title>{names[weekday]} {hour:02d}: {count}</title>"
            place = f'x="{26 + hour * 14}" y="{weekday * 14}" width="13" height="13"'
            full = f'<rect class="hot" style="opacity:{0.25 + 0.75 * count / max(most, 1):.2f}" {place}/>'
            text = f'<text class="count" x="{32.5 + hour * 14}" y="{weekday * 14 + 10}">{count}</text>'
            empty = f'<rect class="rest" {place}/>'
            cells.append(f"<g>{told}{empty}{full + text if count else ''}</g>")
    ticks = "".join(f'<text x="{26 + hour * 14}" y="110">{hour}</text>' for hour in (0, 6, 12, 18))
    return f'<svg class="hours" viewBox="0 0 364 114" role="img"><title>{escape(title)}</title>{"".join(cells)}{ticks}</svg>'
