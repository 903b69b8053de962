"""Cells of a value column that hold more than a plain number: units, digits of other scripts, and lengths of intervals."""

from __future__ import annotations

import pytest

from ecoai_pipeline.sources.reasons import IngestError, Reason
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


WIDE = ",".join(["date", *(f"{hour:02d}:00" for hour in range(24))])


def _values(value: str, other: str = "-999") -> list[str]:
    return [other if hour in (3, 7) else value.format(hour + 1) for hour in range(24)]


@pytest.mark.parametrize("mark", ["-999", "-999.00", "n/a"])
def test_values_that_mean_a_missing_reading_are_missing_in_every_form_of_table(ingest, raw, tmp_path, mark):
    values, other = _values("{}.5", mark), [f"{hour}.25" for hour in range(24)]
    tables = {
        "long": ["timestamp,kwh", *map(",".join, zip(STAMPS, values, strict=True))],
        "columns": ["timestamp,M1,M2", *map(",".join, zip(STAMPS, values, other, strict=True))],
        "wide": [WIDE, ",".join(["2025-03-03", *values])],
    }
    for name, rows in tables.items():
        result = ingest(put(tmp_path / f"{name}.csv", "\n".join(rows)), missing="-999|n/a")
        meter = "M1" if name == "columns" else name
        readings = raw(result).filter(meter_id=meter)
        assert (readings.height, result.statement.quarantined) == (24, 0), name
        assert readings["kwh"].to_list() == [None if hour in (3, 7) else hour + 1.5 for hour in range(24)]
        assert readings["quality"].to_list()[3] == "missing"


def test_missing_none_keeps_values_as_energy_also_in_wide_tables(ingest, raw, tmp_path):
    path = put(tmp_path / "m.csv", "\n".join([WIDE, ",".join(["2025-03-03", *_values("{}.5")])]))
    assert raw(ingest(path, missing="none"))["kwh"][3] == -999.0


@pytest.mark.parametrize("quoted", ['"=""{}"""', '="{}"'], ids=["quoted", "plain"])
def test_formulas_that_keep_texts_from_being_changed_are_their_texts(ingest, raw, tmp_path, quoted):
    rows = [",".join(quoted.format(cell) for cell in ("0012", time, f"{at}.25")) for at, time in enumerate(STAMPS)]
    header = ",".join(quoted.format(name) for name in ("meter", "timestamp", "kwh"))
    result = ingest(put(tmp_path / "m.csv", "\n".join([header, *rows])))
    assert (result.statement.meters, result.statement.accepted) == (["0012"], 24)
    assert raw(result)["kwh"].to_list() == [hour + 0.25 for hour in range(24)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("12%", Reason.PERCENTAGE),
        ("12.5 %", Reason.PERCENTAGE),
        ("12.3E", Reason.MARKED),
        ("12.3 (A)", Reason.MARKED),
        ("12.3*", Reason.MARKED),
    ],
)
def test_percentages_and_marks_behind_numbers_are_refused_with_what_to_do(ingest, tmp_path, value, reason):
    rows = [f"{time},{value}" for time in STAMPS]
    with pytest.raises(IngestError) as refused:
        ingest(put(tmp_path / "m.csv", "\n".join(["timestamp,kwh", *rows])))
    assert refused.value.reasons == {reason.value: 24}
    assert "in --columns" in reason


@pytest.mark.parametrize(("delimiter", "sign"), [(",", "."), (";", ",")])
def test_codes_of_quality_behind_the_numbers_are_read_as_they_are_mapped(ingest, raw, tmp_path, delimiter, sign):
    marks = ["E" if hour % 6 == 0 else " A" if hour % 2 else "" for hour in range(24)]
    rows = [f"{time}{delimiter}{hour}{sign}25{mark}" for hour, (time, mark) in enumerate(zip(STAMPS, marks, strict=True))]
    columns = "timestamp=timestamp,kwh=kwh,quality=kwh,quality.A=measured,quality.E=estimated"
    readings = raw(ingest(put(tmp_path / "m.csv", "\n".join([f"timestamp{delimiter}kwh", *rows])), columns=columns))
    assert readings["kwh"].to_list() == [hour + 0.25 for hour in range(24)]
    assert readings["quality"].to_list() == ["estimated" if hour % 6 == 0 else "measured" for hour in range(24)]
