"""Cells of a value column that hold more than a plain number: units, digits of other scripts, and lengths of intervals."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError
from tests.sources.given import put

STAMPS = [f"2025-03-03 {hour:02d}:00" for hour in range(24)]
KWH = [0.412 + hour % 5 for hour in range(24)]


def written(cells: list[str], name: str = "value") -> str:
    return "\n".join([f"timestamp;{name}", *(f"{stamp};{cell}" for stamp, cell in zip(STAMPS, cells, strict=True))])


@pytest.mark.parametrize(
    "cell",
    ["{0:.3f} kWh", "{0:.3f}kWh", "{1:.6f} MWh", "{2:.0f} Wh", "{0:.3f} kW", "{0:.3f} KWH"],
    ids=["kwh", "no-blank", "mwh", "wh", "kw", "capitals"],
)
@pytest.mark.parametrize("decimal", [".", ","])
def test_a_unit_behind_each_number_is_followed(ingest, raw, tmp_path, cell, decimal):
    cells = [cell.format(kwh, kwh / 1000, 1000 * kwh).replace(".", decimal) for kwh in KWH]
    assert raw(ingest(put(tmp_path / "t.csv", written(cells))))["kwh"].to_list() == pytest.approx(KWH)


def test_each_cell_may_have_a_unit_of_its_own(ingest, raw, tmp_path):
    cells = [f"{kwh:.3f} kWh" if at % 2 else f"{1000 * kwh:.0f} Wh" for at, kwh in enumerate(KWH)]
    assert raw(ingest(put(tmp_path / "t.csv", written(cells, "value [MWh]"))))["kwh"].to_list() == pytest.approx(KWH)


def test_numbers_without_a_unit_beside_those_of_another_one_are_refused(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", written([f"{kwh:.3f} MWh" if at else f"{kwh:.3f}" for at, kwh in enumerate(KWH)]))
    with pytest.raises(IngestError, match=r"some cells of column 'value' have the unit MWh, others have none; .*--unit"):
        ingest(path)
    assert raw(ingest(path, unit="MWh"))["kwh"].to_list() == pytest.approx([1000 * kwh for kwh in KWH])


def test_a_zero_needs_no_unit(ingest, raw, tmp_path):
    path = put(tmp_path / "t.csv", written(["0", *(f"{kwh:.3f} MWh" for kwh in KWH[1:])]))
    assert raw(ingest(path))["kwh"].to_list() == pytest.approx([0, *(1000 * kwh for kwh in KWH[1:])])


@pytest.mark.parametrize("digits", ["０１２３４５６７８９．，", "٠١٢٣٤٥٦٧٨٩٫٬", "۰۱۲۳۴۵۶۷۸۹٫٬"], ids=["full-width", "arabic", "persian"])
def test_digits_of_other_scripts_are_read(ingest, raw, tmp_path, digits):
    cells = [f"{1000 * kwh:,.3f}".translate(str.maketrans("0123456789.,", digits)) for kwh in KWH]
    assert raw(ingest(put(tmp_path / "t.csv", written(cells))))["kwh"].to_list() == pytest.approx([1000 * kwh for kwh in KWH])


@pytest.mark.parametrize("text", ["1800", "1800 s", "30 min", "0,5 h", "0.5h", "30 Minuten", "0,5 Std."])
def test_lengths_of_intervals_may_have_units(ingest, raw, tmp_path, text):
    rows = "\n".join(f"{stamp};{kwh};{text}" for stamp, kwh in zip(STAMPS, KWH, strict=True))
    result = ingest(put(tmp_path / "t.csv", f"t;v;d\n{rows}"), columns="timestamp=t,kwh=v,interval=d")
    assert raw(result)["interval_s"].unique().to_list() == [1800]
