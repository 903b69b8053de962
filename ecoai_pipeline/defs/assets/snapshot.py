"""The snapshot: tables and bundles recorded in DVC once all runs are done."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from ecoai_pipeline.defs.history import RECORDED, runs_since
from ecoai_pipeline.defs.resources import Lakehouse

if TYPE_CHECKING:
    from ecoai_pipeline.versioning.snapshots import Snapshot


@dg.asset(group_name="versions", deps=[*RECORDED], kinds={"dvc", "git"})
def snapshot(context: dg.AssetExecutionContext, lakehouse: Lakehouse) -> Iterator[dg.AssetObservation | dg.MaterializeResult]:
    """Every table and bundle in DVC, under a tag that names the runs, code and parameters that made them; nothing new, no new tag."""
    from ecoai_pipeline.versioning.snapshots import snapshots, take

    lake = lakehouse.lake()
    earlier = snapshots(lake)
    runs = runs_since(context.instance, earlier[-1].at if earlier else None)
    taken, new = take(lake, context.run.run_id, runs)
    for asset, folder in RECORDED.items():
        yield dg.AssetObservation(asset_key=asset, metadata=_metadata(taken, folder))
    yield dg.MaterializeResult(
        metadata={
            "snapshot": taken.name,
            "outcome": "recorded" if new else "nothing has changed",
            "code": taken.code,
            "parameters": taken.params,
            "partitions": taken.partitions,
            "bytes": sum(out.size for out in taken.outs.values()),
            "recorded": dg.MetadataValue.json({path: out.model_dump() for path, out in taken.outs.items()}),
            "runs": dg.MetadataValue.json(dict(taken.runs)),
        }
    )


def _metadata(taken: "Snapshot", folder: str) -> dict[str, str | int]:
    """What an operator sees at the table itself: the snapshot that holds it, and its hash in DVC."""
    out = taken.outs[folder]
    return {"snapshot": taken.name, "dvc": out.md5, "files": out.nfiles, "bytes": out.size}
