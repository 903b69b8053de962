"""Stored figures: they hold, a fall is told with its numbers, and lowering one takes a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from ecoai_pipeline.evaluation import guard
from ecoai_pipeline.evaluation.guard import Book, Lowered, Stored
from ecoai_pipeline.settings import PROJECT

METRICS = PROJECT / "metrics" / "small.json"
BOOK = Book(
    detectors={
        "usad": Stored(vus_pr={"a": 0.5, "b": 0.3}, seed_noise=0.005, best=0.4),
        "change": Stored(vus_pr={"a": 0.2}, seed_noise=0, best=0.2),
    }
)


def test_no_detector_ranks_worse_on_the_small_real_set_than_its_stored_figure(real_data: Path, settings, tmp_path: Path) -> None:
    now = guard.measure(guard.small_cases(real_data, settings), settings, tmp_path)
    book = Book.read(METRICS)
    assert set(now) == set(book.detectors), "store the figures of a new detector: ecoai evaluate guard --store"
    assert not book.drops(now)


def test_a_fall_is_told_with_its_numbers_once_it_exceeds_a_hundredth_and_the_noise_of_seeds() -> None:
    within = {"usad": {"a": 0.485, "b": 0.279}, "change": {"a": 0.191}}
    assert BOOK.drops(within) == []
    (line,) = BOOK.drops({**within, "usad": {"a": 0.45, "b": 0.30}})
    assert line == "usad: mean VUS-PR fell by 0.0250, 0.0200 are allowed (a 0.500 → 0.450, b 0.300 → 0.300)"
    assert BOOK.drops({**within, "change": {"a": 0.185}}) == ["change: mean VUS-PR fell by 0.0150, 0.0100 are allowed (a 0.200 → 0.185)"]
    assert BOOK.drops({"usad": within["usad"]}) == ["change: stored with 0.2000 and without a figure on a"]


def test_storing_a_lower_figure_takes_a_reason_which_stays_beside_it(tmp_path: Path) -> None:
    lower = {"usad": {"a": 0.4, "b": 0.3}}
    for fallen in (lower, {"usad": {"a": 0.495, "b": 0.3}}):
        with pytest.raises(ValueError, match="takes a reason"):
            BOOK.updated(fallen, {}, None)
    book = BOOK.updated(lower, {"usad": 0.01}, "trains in half the time, as people asked")
    book.write(tmp_path / "book.json")
    stored = Book.read(tmp_path / "book.json").detectors["usad"]
    assert stored.lowered == (Lowered(before=0.4, after=0.35, reason="trains in half the time, as people asked"),)
    assert (stored.seed_noise, book.detectors["change"]) == (0.01, BOOK.detectors["change"])


def test_a_lowered_figure_may_rise_again_without_a_reason() -> None:
    book = BOOK.updated({"usad": {"a": 0.4, "b": 0.3}}, {}, "trains in half the time, as people asked")
    assert book.updated({"usad": {"a": 0.41, "b": 0.3}}, {}, None).mean_of("usad") == pytest.approx(0.355)


def test_a_higher_figure_is_stored_unasked() -> None:
    book = BOOK.updated({"usad": {"a": 0.6, "b": 0.3}}, {}, None)
    assert book.mean_of("usad") == pytest.approx(0.45)
    assert book.detectors["usad"].lowered == ()


def test_a_figure_lowered_by_hand_is_refused(tmp_path: Path) -> None:
    BOOK.write(tmp_path / "book.json")
    (tmp_path / "book.json").write_text((tmp_path / "book.json").read_text().replace("0.5,", "0.45,"))
    with pytest.raises(ValidationError, match=r"lies below 0\.4000, which was stored once"):
        Book.read(tmp_path / "book.json")


def test_a_reason_says_something() -> None:
    with pytest.raises(ValidationError):
        Lowered(before=0.4, after=0.3, reason="")
