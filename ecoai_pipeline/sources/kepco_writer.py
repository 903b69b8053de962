"""Writing the Korean wide format as a provider does: for the simulator, and for people who must hand readings on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ecoai_pipeline.domain import Industry, UsageType
from ecoai_pipeline.sources.kepco import cell_names
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


@dataclass(frozen=True)
class MeterDays:
    """n days of meters: who, when, and energy (n, intervals of a day), kWh, NaN where no reading came."""

    meters: Sequence[str]
    industries: Sequence[Industry]
    usage_types: Sequence[UsageType]
    days: Sequence[date]
    kwh: NDArray[np.float64]


def write_wide(path: Path, days: MeterDays, encoding: Encoding = "utf-8") -> None:
    """Write a line per meter and day; CP949 files bear Korean names, as the provider's do."""
    korean = encoding == "cp949"
    interval_s = 86_400 // days.kwh.shape[1]
    leading = (
        days.meters,
        [INDUSTRY_NAMES[i] if korean else i.value for i in days.industries],
        [USAGE_NAMES[u] if korean else u.value for u in days.usage_types],
        [day.strftime("%Y%m%d") for day in days.days],
    )
    cells = pl.DataFrame(days.kwh, schema=list(cell_names(interval_s))).fill_nan(None)
    names = KOREAN if korean else ENGLISH
    frame = pl.DataFrame(dict(zip(names, leading, strict=True))).hstack(cells)
    with replacing(path) as temporary:
        temporary.write_bytes(frame.write_csv().encode(encoding))
