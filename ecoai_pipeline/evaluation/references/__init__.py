"""Simple detectors that stand in every table of results, so that a figure can be seen against what two lines of code reach.

They are known from the literature, take their published defaults where there are any, and are chosen on no data.
"""

from __future__ import annotations

from collections.abc import Callable

from ecoai_pipeline.evaluation.references.base import Reference

REFERENCES = ("random", "change", "slot_z", "flat_run", "sub_pca", "kmeans_ad", "isolation_forest")


def make_reference(name: str) -> Reference:
    """An unfitted reference.

    Raises:
        ValueError: the name is none of `REFERENCES`.
    """
    from ecoai_pipeline.evaluation.references.context import IsolationForestOnContext
    from ecoai_pipeline.evaluation.references.pointwise import Change, FlatRun, Random, SlotZ
    from ecoai_pipeline.evaluation.references.windows import KMeansAD, SubPca

    known: list[Callable[[], Reference]] = [Random, Change, SlotZ, FlatRun, SubPca, KMeansAD, IsolationForestOnContext]
    made = dict(zip(REFERENCES, known, strict=True))
    if name not in made:
        raise ValueError(f"there is no reference {name!r}; known are {', '.join(REFERENCES)}")
    return made[name]()
