"""What a run works on, in the words of its messages. Imports no Dagster, which takes seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecoai_pipeline.faults import explained_record

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_WORK = {
    "models": "training",
    "champions": "the decision about models",
    "evaluation": "the evaluation",
    "snapshot": "recording in DVC",
    "report": "the page",
}


def about(tags: Mapping[str, str]) -> str:
    """The industries and months, or resolution, that the tags of a run name; empty where they name none.

    >>> about({RANGE_START: "metal|2025-01-01", RANGE_END: "food|2025-03-01"}), about({RANGE_START: "metal|low", RANGE_END: "metal|low"})
    ('metal to food, 2025-01 to 2025-03', 'metal, low')
    """
    first, last = (tags.get(name, "").split("|") for name in (RANGE_START, RANGE_END))
    if len(first) < 2 or len(last) < 2:
        return ""
    return ", ".join(one if one == other else f"{one} to {other}" for one, other in zip(map(_short, first), map(_short, last), strict=True))


def doing(step: str, subject: str) -> str:
    """What a step of a run did.

    >>> doing("models", "metal, low"), doing("drift", "")
    ('training (metal, low)', 'the table drift')
    """
    work = _WORK.get(step, f"the table {step}")
    return f"{work} ({subject})" if subject else work


def failed(step: str, subject: str, described: str, line: str, frames: Sequence[str], run_id: str) -> str:
    """What became of a failed step: what it says itself, else the sentence about its error.

    Args:
        line, frames: of the error, as `explained_record` takes them.

    >>> failed("models", "metal, low", "", "ecoai_pipeline.x.NoModelError: train first", [], "r1")
    'training (metal, low) failed: train first'
    """
    return described or f"{doing(step, subject)} failed: {explained_record(line, frames, run_id)}"


def _short(key: str) -> str:
    """A month without its day: keys of partitions name the first one."""
    return key.removesuffix("-01") if key.count("-") == 2 else key
