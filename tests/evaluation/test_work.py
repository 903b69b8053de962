"""Pieces of work: each done once, side by side, and an interrupted run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ecoai_pipeline.evaluation.work import run_all


@dataclass(frozen=True)
class Squared:
    number: int
    marks: Path

    @property
    def name(self) -> str:
        return f"number {self.number}"

    @property
    def key(self) -> str:
        return f"squared-{self.number}"

    def run(self):
        with (self.marks / str(self.number)).open("a") as mark:
            mark.write("x")
        if self.number < 0:
            raise ArithmeticError("too small")
        return {"square": self.number**2}


def done(marks: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(marks.iterdir())}


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order_and_a_second_run_works_on_nothing(tmp_path: Path, jobs: int) -> None:
    marks, cache, told = tmp_path / "marks", tmp_path / "cache", list[str]()
    marks.mkdir()
    units = [Squared(number, marks) for number in (3, 1, 2)]
    for _ in range(2):
        assert [result["square"] for result in run_all(units, cache, jobs=jobs, done=told.append)] == [9, 1, 4]
    assert sorted(told) == sorted(["number 3", "number 1", "number 2"] * 2)
    assert done(marks) == {"1": "x", "2": "x", "3": "x"}


def test_what_fails_is_named_and_what_was_done_stays_done(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    units = [Squared(number, marks) for number in (-1, 4)]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="1 of 2 pieces of work failed; number -1: ArithmeticError: too small"):
            run_all(units, tmp_path / "cache")
    assert done(marks) == {"-1": "xx", "4": "x"}


def test_a_result_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    unit = Squared(5, tmp_path)
    run_all([unit], tmp_path / "cache")
    (tmp_path / "cache" / f"{unit.key}.json").write_text('{"square": 2')
    assert run_all([unit], tmp_path / "cache") == [{"square": 25}]
