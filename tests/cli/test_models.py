"""Models as a person meets them: judged after training, listed with their figures, changed by hand, and left alone by history."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .conftest import Ecoai

METAL_LOW = ("metal", "low")


@pytest.fixture
def portfolio(ecoai: Ecoai) -> Ecoai:
    """Two hourly meters of the simulator over three months."""
    simulated = ("--industry", "metal", "--meters", "2", "--months", "2025-01..2025-03", "--interval", "3600", "--seed", "2")
    made = ecoai("simulate", *simulated, "--json").document
    assert ecoai("ingest", made["folder"], "--meters", made["registry"], "--json").code == 0
    return ecoai


def trained(ecoai: Ecoai, seed: int) -> Any:
    ecoai.patch.setenv("ECOAI_TRAINING__SEED", str(seed))
    ran = ecoai("train", "--json")
    assert ran.code == 0, ran.err
    (model,) = ran.document["models"]
    return model


def listed(ecoai: Ecoai) -> dict[str, tuple[str, bool]]:
    return {one["version"]: (one["standing"], one["in_use"]) for one in ecoai("models", "list", "--json").document["models"]}


def models_of_march(ecoai: Ecoai, *options: str) -> set[str]:
    assert ecoai("backfill", "--months", "2025-03", *options, "--json").code == 0
    return {event["model_version"] for event in ecoai("events", "--since", "2025-03-01", "--json").document["events"]}


def test_a_model_is_judged_listed_promoted_and_taken_back(portfolio: Ecoai) -> None:
    first = trained(portfolio, 1)
    assert (first["standing"], first["because"]) == ("champion", "the first model of its time")
    assert models_of_march(portfolio) == {first["version"]}

    portfolio.patch.setattr("ecoai_pipeline.detection.promotion.Verdict.worse", property(lambda _: True))
    second = trained(portfolio, 7)
    assert second["standing"] == "refused", "which is an answer: the program has done what it was asked to"
    assert second["because"].startswith("worse: average precision ")
    assert listed(portfolio) == {first["version"]: ("champion", True), second["version"]: ("refused", False)}

    by_hand = portfolio("models", "promote", second["version"], "--reason", "the plant was rebuilt", "--json")
    assert (by_hand.code, by_hand.document["in_use"]) == (0, second["version"])
    assert models_of_march(portfolio) == {first["version"]}, "a month that was scored keeps its model"
    assert models_of_march(portfolio, "--model", "champion") == {second["version"]}

    back = portfolio("models", "rollback", *METAL_LOW, "--reason", "too many alarms", "--json")
    assert (back.code, back.document["in_use"]) == (0, first["version"])
    assert listed(portfolio) == {second["version"]: ("withdrawn", False), first["version"]: ("champion", True)}
    assert models_of_march(portfolio) == {second["version"]}
    assert models_of_march(portfolio, "--model", first["version"]) == {first["version"]}

    shown = portfolio("models", "show", second["version"], "--json").document
    assert [one["standing"] for one in shown["history"]] == ["challenger", "refused", "champion", "withdrawn"]
    assert shown["history"][2]["reason"] == "by hand: the plant was rebuilt"
    assert shown["card"].startswith("# fused, metal, low resolution")
    found = {one["version"]: one["average_precision"] for one in portfolio("models", "list", "--json").document["models"]}
    backtest = shown["metrics"]["backtest"]
    assert found[second["version"]] == backtest["average_precision"][backtest["chosen"]]
    assert all(event["data_version"] for event in portfolio("events", "--json").document["events"])


def test_a_refused_model_is_told_below_the_table(portfolio: Ecoai) -> None:
    trained(portfolio, 1)
    portfolio.patch.setattr("ecoai_pipeline.detection.promotion.Verdict.worse", property(lambda _: True))
    portfolio.patch.setenv("ECOAI_TRAINING__SEED", "7")
    told = portfolio("train")
    assert told.code == 0
    assert "metal low: refused, worse: average precision" in told.out


def test_walking_forward_scores_each_month_by_a_model_of_what_lay_before(portfolio: Ecoai) -> None:
    """None is found wanting here, so that each month has a model of its own."""
    portfolio.patch.setattr("ecoai_pipeline.detection.promotion.Verdict.worse", property(lambda _: False))
    assert portfolio("backfill", "--months", "2025-01..2025-03", "--walk-forward", "--json").code == 0
    models = portfolio("models", "list", "--json").document["models"]
    until = {one["version"]: one["trained_until"] for one in models}
    events = portfolio("events", "--json").document["events"]

    assert {(one["trained_from"], one["trained_until"]) for one in models} == {("2025-01", "2025-02"), ("2025-01", "2025-03")}
    seoul = ZoneInfo("Asia/Seoul")
    starts = {event["event_id"]: datetime.fromisoformat(event["start"]).astimezone(seoul) for event in events}
    scored_by = {(f"{starts[event['event_id']]:%Y-%m}", until[event["model_version"]]) for event in events}
    assert scored_by == {("2025-02", "2025-02"), ("2025-03", "2025-03")}, "nothing lies before January"
    assert not any(event["hindsight"] for event in events)
    both = portfolio("backfill", "--months", "2025-02", "--walk-forward", "--model", "champion", "--json")
    assert (both.code, both.document["error"]) == (2, "Invalid value: --walk-forward trains the model of each month; leave --model away")
