"""The Korean wide format: a line per meter and day; CP949 files bear Korean names, as the provider's do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from ecoai_pipeline.domain import Industry, UsageType
from ecoai_pipeline.sources.kepco import cell_names
from ecoai_pipeline.sources.writers.block import Block
from ecoai_pipeline.storage.atomic import replacing

Encoding = Literal["utf-8", "cp949"]
ENGLISH = ("cust_no", "industry", "usage_type", "meter_dd")
KOREAN = ("업체코드", "업종", "계약종별", "meter_dd")
INDUSTRY_NAMES = {
    Industry.ENERGY_SUPPLIER: "에너지공급",
    Industry.METAL: "금속",
    Industry.FOOD: "식품",
    Industry.ENERGY: "에너지",
    Industry.CERAMICS: "요업",
    Industry.PAPER_WOOD: "제지목재",
    Industry.CHEMICAL: "화학",
    Industry.OTHER: "기타",
}
USAGE_NAMES = {
    UsageType.INDUSTRIAL: "산업용",
    UsageType.GENERAL: "일반용",
    UsageType.MIDNIGHT: "심야",
    UsageType.AGRICULTURAL: "농사용",
}


def write_wide(path: Path, blocks: Iterable[Block], encoding: Encoding = "utf-8") -> None:
    """Write the blocks one after another under one header; a cell without a reading is empty."""
    with replacing(path) as temporary, temporary.open("wb") as out:
        for number, block in enumerate(blocks):
            lines = wide(block, korean=encoding == "cp949")
            if encoding == "utf-8":
                lines.write_csv(out, include_header=number == 0)
            else:
                out.write(lines.write_csv(include_header=number == 0).encode(encoding))


def wide(block: Block, *, korean: bool = False) -> pl.DataFrame:
    """A row per meter and day, sorted by meter and day."""
    each = len(block.dates)
    leading = (
        block.meters,
        [INDUSTRY_NAMES[industry] if korean else industry.value for industry in block.industries],
        [USAGE_NAMES[usage] if korean else usage.value for usage in block.usage_types],
    )
    rows = np.repeat(np.arange(len(block.meters)), each)
    days = pl.Series([day.strftime("%Y%m%d") for day in block.dates] * len(block.meters))
    columns = [*(pl.Series(column, dtype=pl.String).gather(rows) for column in leading), days]
    cells = pl.DataFrame(block.kwh.reshape(len(rows), -1), schema=list(cell_names(block.interval_s))).fill_nan(None)
    return pl.DataFrame(dict(zip(KOREAN if korean else ENGLISH, columns, strict=True))).hstack(cells)
