"""From alarmed stretches to the segments that explain them: one fault, one event, from its first reading to its last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecoai_pipeline.detection.kinds.around import LONGEST_H, Around, equal_runs
from ecoai_pipeline.detection.kinds.judge import judge
from ecoai_pipeline.detection.loads import Load
from ecoai_pipeline.features.runs import Rows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Piece = tuple[int, int]
FAR = 3.0
"""Times the band: one normal reading in a million lies so far out."""
_MOST_PIECES = 8  # of one stretch
_COVERED = 0.9  # of strange days on end by segments, below which they are the event
_LEAST_DAY = 3  # gaps that strange rows span to be an event by themselves: six hours
_LEAST_STRENGTH = 0.1  # of the strongest cluster's, for another one to be a fault of its own


@dataclass(frozen=True)
class Stretches:
    """The rows that alarmed stretches are cut out of, (n,), in order of meter and time.

    Attributes:
        meter: name of the meter of a row.
        start: of the interval (UTC, us).
        hot: rows that alarm.
        distance: of a reading from the expected load, in sides of the band, below 0 where it is less; 0 where unknown.
        strange: rows in days that no band explains.
        gap: rows of a meter that lie so far apart, us, belong to two clusters.
    """

    meter: NDArray[np.str_]
    start: NDArray[np.int64]
    hot: Bools
    distance: Floats
    strange: Bools
    gap: int

    def cut(self, first: Rows, last: Rows, loads: Mapping[str, Load]) -> tuple[Rows, Rows, Rows]:
        """First and last row of the segments in the stretches from `first` to `last`, and the number of each stretch; they do not meet.

        Evidence makes all intervals strange that share a window or a segment with a fault. What lies far from the expected load within a
        stretch is its clusters. The likeliest shape of a cluster tells its segment (`kinds`), which may reach beyond it. A stretch whose
        strongest cluster no shape explains is cut to that cluster; another cluster is a fault of its own only if a shape explains it. A
        strange day lies within an event, whatever shape.
        """
        stretches = enumerate(zip(first.tolist(), last.tolist(), strict=True))
        found = [(*piece, number) for number, edges in stretches for piece in self._pieces(*edges, loads)]
        joined: list[list[int]] = []
        for begin, end, number in sorted(found):
            if joined and self._meet(joined[-1], (begin, end)):
                joined[-1][1] = max(joined[-1][1], end)
            else:
                joined.append([begin, end, number])
        begins, ends, numbers = np.array(joined, dtype=np.int64).reshape(-1, 3).T
        return begins, ends, numbers

    def _meet(self, before: Sequence[int], piece: Piece) -> bool:
        """Whether a piece overlaps the one before it, or goes on where that one ended, with as much more or less."""
        beside = piece[0] == before[1] + 1 and self.meter[piece[0]] == self.meter[before[1]]
        return piece[0] <= before[1] or (beside and self._side((before[0], before[1])) == self._side(piece))

    def _side(self, piece: Piece) -> float:
        return float(np.sign(self.distance[piece[0] : piece[1] + 1].sum()))

    def _pieces(self, first: int, last: int, loads: Mapping[str, Load]) -> Iterator[Piece]:
        clusters, load = self._clusters(first, last), loads[str(self.meter[first])]
        strongest = clusters[0] if clusters else (first, last)
        yielded = [self._segment(strongest, load) or self._alarmed(strongest) or self._far_part(first, last)]
        least = _LEAST_STRENGTH * self._strength(strongest)
        for cluster in clusters[1:_MOST_PIECES]:
            apart = all(self._apart(cluster, piece) for piece in yielded)
            if apart and self._strength(cluster) >= least:
                piece = self._segment(cluster, load)
                if piece and all(self._apart(piece, other) for other in yielded):
                    yielded.append(piece)
        yield from yielded
        yield from self._strange_days(first, last, yielded)

    def _strange_days(self, first: int, last: int, pieces: Sequence[Piece]) -> Iterator[Piece]:
        """Runs of strange rows that the pieces cover too little of, each joined with the pieces that it touches."""
        for begin, end in self._together(first + np.flatnonzero(self.strange[first : last + 1])):
            alike = (piece for piece in pieces if self._side(piece) == self._side((begin, end)))
            touching = [piece for piece in alike if piece[0] <= end and piece[1] >= begin]
            covered = sum(min(end, piece[1]) - max(begin, piece[0]) + 1 for piece in touching)
            long = self.start[end] - self.start[begin] >= _LEAST_DAY * self.gap
            if long and covered < _COVERED * (end - begin + 1):
                yield min([begin, *(piece[0] for piece in touching)]), max([end, *(piece[1] for piece in touching)])

    def _strength(self, piece: Piece) -> float:
        return float(np.abs(self.distance[piece[0] : piece[1] + 1]).sum())

    def _alarmed(self, piece: Piece) -> Piece | None:
        """The piece if one of its rows alarms."""
        return piece if self.hot[piece[0] : piece[1] + 1].any() else None

    def _together(self, rows: Rows) -> list[Piece]:
        """Groups of rows, as their first and last one. A new group begins after a gap, and where the load changes its lasting side."""
        if not len(rows):
            return []
        side = self._lasting_side(rows)
        breaks = np.flatnonzero((np.diff(self.start[rows]) > self.gap) | (side[1:] != side[:-1]))
        return list(zip(rows[np.append(0, breaks + 1)].tolist(), rows[np.append(breaks, len(rows) - 1)].tolist(), strict=True))

    def _lasting_side(self, rows: Rows) -> Bools:
        """Whether the load lies above what was expected, for each row. A change of side that is over within the gap does not count."""
        above = self.distance[rows] > 0
        starts, stops = equal_runs(above.astype(np.float64))
        lasting = self.start[rows[stops - 1]] - self.start[rows[starts]] >= self.gap
        lasting[0] = True
        told = np.maximum.accumulate(np.where(lasting, np.arange(len(starts)), 0))
        return np.repeat(above[starts[told]], stops - starts)

    def _far_rows(self, first: int, last: int) -> Rows:
        """Rows at a quarter of the stretch's greatest distance, at least the band and at most three times the band."""
        distance = np.abs(self.distance[first : last + 1])
        return first + np.flatnonzero(distance >= np.clip(distance.max() / 4, 1, FAR))

    def _far_part(self, first: int, last: int) -> Piece:
        """The stretch from its first far row to its last; all of it where there is none, or none of these alarmed."""
        far = self._far_rows(first, last)
        return (self._alarmed((int(far[0]), int(far[-1]))) if len(far) else None) or (first, last)

    def _clusters(self, first: int, last: int) -> list[Piece]:
        """Far rows that lie together, as their first and last row, the strongest first."""
        edges = self._together(self._far_rows(first, last))
        return sorted(edges, key=lambda edge: (-self._strength(edge), edge))

    def _apart(self, one: Piece, other: Piece) -> bool:
        """Whether two pieces lie further apart than the gap, or beside each other on opposite sides of what was expected."""
        gap = self.gap if self._side(one) == self._side(other) else 0
        return bool(self.start[one[0]] > self.start[other[1]] + gap or self.start[other[0]] > self.start[one[1]] + gap)

    def _segment(self, cluster: Piece, load: Load) -> Piece | None:
        """The rows of the segment of the likeliest shape; None where no shape is sure, its segment holds no alarm, or it is too long."""
        start, stop = (load.at(np.datetime64(int(self.start[row]), "us")) for row in cluster)
        interval_s = int(load.interval_s[min(start, len(load.times) - 1)])
        if (stop - start) * interval_s > LONGEST_H * 3600:
            return None
        segment = judge(Around.of(load.kwh, load.expected, load.band, interval_s, (start, stop + 1))).segment
        if segment is None:
            return None
        edges = load.times[[segment[0], segment[1] - 1]].astype("datetime64[us]").astype(np.int64)
        name = self.meter[cluster[0]]
        own = int(np.searchsorted(self.meter, name)), int(np.searchsorted(self.meter, name, side="right"))
        rows = self.start[own[0] : own[1]]
        begin = own[0] + int(np.searchsorted(rows, edges[0]))
        end = own[0] + int(np.searchsorted(rows, edges[1], side="right")) - 1
        return self._alarmed((begin, end))
