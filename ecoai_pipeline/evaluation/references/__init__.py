"""Simple detectors that stand in every table of results, so that a figure can be seen against what two lines of code reach.

They are known from the literature, take their published defaults where there are any, and are chosen on no data.
"""

from __future__ import annotations

from ecoai_pipeline.evaluation.references.base import Reference
from ecoai_pipeline.settings import ReferenceParams

REFERENCES = ("random", "change", "slot_z", "flat_run_plain", "sub_pca_plain", "kmeans_ad_plain", "isolation_forest")


def make_reference(name: str, params: ReferenceParams) -> Reference:
    """An unfitted reference with its parameters.

    Raises:
        ValueError: the name is none of `REFERENCES`.
    """
    from ecoai_pipeline.evaluation.references.context import IsolationForestOnContext
    from ecoai_pipeline.evaluation.references.pointwise import Change, FlatRun, Random, SlotZ
    from ecoai_pipeline.evaluation.references.windows import KMeansAD, SubPca

    if name == SubPca.name:
        return SubPca(params.sub_pca_plain)
    if name == KMeansAD.name:
        return KMeansAD(params.kmeans_ad_plain)
    for plain in (Random, Change, SlotZ, FlatRun, IsolationForestOnContext):
        if name == plain.name:
            return plain()
    raise ValueError(f"there is no reference {name!r}; known are {', '.join(REFERENCES)}")
