"""What assets are handed: the lake and the parameters, read when used and never at import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from ecoai_pipeline.domain import Month
from ecoai_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.storage.lake import Lake


class Lakehouse(dg.ConfigurableResource):
    """The lake under a root folder; without `root` the one of ECOAI_ROOT or params.yaml."""

    root: str | None = None

    def settings(self) -> Settings:
        return load_settings(Path(self.root) if self.root else None)

    def lake(self) -> Lake:
        """
        Raises:
            ValueError: the lake holds readings from before the first partition; the message names the line to set.
        """
        from ecoai_pipeline.storage.lake import Lake
        from ecoai_pipeline.storage.landing import Landing

        settings = self.settings()
        lake = Lake(settings.root, settings.storage)
        held = [Month.parse(month) for month, meters in Landing(lake).book.readers().items() if meters]
        settings.require_partitions_from(min(held, default=settings.first_month), "the lake holds readings")
        return lake
