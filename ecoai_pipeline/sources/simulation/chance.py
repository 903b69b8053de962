"""Chance without a state: what is drawn depends on a key and an index alone, so that a month needs no month before it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Chance:
    """Draws for k members at once; each has a key of its own, shape (k,)."""

    keys: NDArray[np.uint64]

    @classmethod
    def of(cls, seed: int, names: Iterable[str]) -> Chance:
        salted = [zlib.crc32(name.encode()) | (zlib.crc32(f"{seed}/{name}".encode()) << 32) for name in names]
        return cls(np.array(salted, dtype=np.uint64))

    def uniform(self, what: str, index: Integers) -> Floats:
        """From 0 to below 1; `index` has the members as its first axis, or one in their place."""
        keys = (self.keys ^ np.uint64(zlib.crc32(what.encode()))).reshape(-1, *[1] * (index.ndim - 1))
        mixed = _mixed(_mixed(keys) + index.astype(np.uint64) * _GOLDEN)
        drawn: Floats = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return drawn

    def normal(self, what: str, index: Integers) -> Floats:
        """Mean 0, deviation 1, by Box and Muller's transform."""
        radius = np.sqrt(-2 * np.log1p(-self.uniform(what, index)))
        drawn: Floats = radius * np.cos(2 * np.pi * self.uniform(f"{what}, angle", index))
        return drawn

    def smooth(self, what: str, index: Integers, width: int) -> Floats:
        """Mean 0, deviation 1, correlated over `width` neighbours: a moving mean of normal draws along the last axis.

        `index` counts up by one along its last axis.
        """
        long = np.concatenate([index[..., :1] + np.arange(1 - width, 0), index], axis=-1)
        sums = np.cumsum(self.normal(what, long), axis=-1)
        before = np.concatenate([np.zeros_like(sums[..., :1]), sums[..., :-width]], axis=-1)
        moving: Floats = (sums[..., width - 1 :] - before) / np.sqrt(width)
        return moving

    def between(self, what: str, low: float, high: float) -> Floats:
        """One number per member, (k, 1, 1)."""
        return low + (high - low) * self.uniform(what, np.zeros((1, 1, 1), dtype=np.int64))


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): every bit of the input moves half of the output's."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
