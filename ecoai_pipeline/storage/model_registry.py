"""The append-only registry of models: what was trained, what it was judged to be, and which one a month is scored with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from ecoai_pipeline.domain import Industry, Month, Resolution
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.ledger import Ledger


class Standing(StrEnum):
    """What a model is: trained and not judged yet, in use, found worse than the one in use, or taken out of use by a person."""

    CHALLENGER = "challenger"
    CHAMPION = "champion"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ModelRecord(BaseModel):
    """An entry: from `at` on, the model has this standing. The bundle over its `members` has the model's version.

    Attributes:
        trained_from: first month that was learned from, as 2022-01.
        trained_until: first month that was not seen.
        meters: how many were learned from.
        reason: why it has this standing, in a sentence.
        verdict: figures of the comparison with the champion before it, where there was one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    industry: Industry
    resolution: Resolution
    version: str
    trained_from: str
    trained_until: str
    meters: int
    members: dict[str, str]
    at: datetime = Field(validation_alias=AliasChoices("at", "promoted_at"))
    standing: Standing = Standing.CHAMPION
    reason: str = ""
    verdict: Mapping[str, Any] = {}

    def as_(self, standing: Standing, at: datetime, reason: str, verdict: Mapping[str, Any] | None = None) -> ModelRecord:
        """The same model with another standing."""
        return self.model_copy(update={"standing": standing, "at": at, "reason": reason, "verdict": verdict or {}})


@dataclass(frozen=True)
class Champion:
    """The model to score a month with; `hindsight` if it saw data from after the month's start."""

    record: ModelRecord
    hindsight: bool


class ModelRegistry:
    """Models of one lake by industry and resolution; entries are added and never changed."""

    def __init__(self, lake: Lake) -> None:
        self._ledger: Ledger[ModelRecord] = Ledger(lake.root / "ledgers" / "models", ModelRecord)

    def entries(self) -> list[ModelRecord]:
        """All entries, oldest first."""
        return [record for _, record in self._ledger.read()]

    def models(self, industry: Industry, resolution: Resolution) -> list[ModelRecord]:
        """Each model with the standing it has now, in the order in which they came to it."""
        found: dict[str, ModelRecord] = {}
        for record in self.entries():
            if (record.industry, record.resolution) == (industry, resolution):
                found.pop(record.version, None)
                found[record.version] = record
        return list(found.values())

    def find(self, version: str) -> ModelRecord:
        """A model by its version, or by how that starts.

        Raises:
            ValueError: none or several are called so.
        """
        found = {record.version: record for record in self.entries() if record.version.startswith(version)}
        if len(found) != 1:
            known = "; ".join(sorted(found)) if found else "`ecoai models list` shows those there are"
            raise ValueError(f"{len(found) or 'no'} models are called {version!r}: {known}")
        return next(iter(found.values()))

    def enter(self, record: ModelRecord) -> None:
        self._ledger.append(record)

    def champion(self, industry: Industry, resolution: Resolution, month: Month, *, strict: bool = False) -> Champion | None:
        """The champion as of a month: the newest one trained on data before its start, else the earliest one, marked as hindsight.

        In strict mode hindsight is refused: the answer is None.
        """
        champions = [record for record in self.models(industry, resolution) if record.standing is Standing.CHAMPION]
        past = [record for record in champions if Month.parse(record.trained_until) <= month]
        if past:
            newest = max(record.trained_until for record in past)
            return Champion([record for record in past if record.trained_until == newest][-1], hindsight=False)
        if not champions or strict:
            return None
        earliest = min(record.trained_until for record in champions)
        return Champion([record for record in champions if record.trained_until == earliest][-1], hindsight=True)

    def newest(self, industry: Industry, resolution: Resolution) -> ModelRecord | None:
        """The champion that months to come are scored with."""
        champion = self.champion(industry, resolution, Month(9999, 12))
        return champion.record if champion else None
