"""What assets are handed: the lake and the parameters, read when used and never at import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from ecoai_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from ecoai_pipeline.storage.lake import Lake


class Lakehouse(dg.ConfigurableResource):
    """The lake under a root folder; without `root` the one of ECOAI_ROOT or params.yaml."""

    root: str | None = None

    def settings(self) -> Settings:
        return load_settings(Path(self.root) if self.root else None)

    def lake(self) -> Lake:
        from ecoai_pipeline.storage.lake import Lake

        settings = self.settings()
        return Lake(settings.root, settings.storage)
