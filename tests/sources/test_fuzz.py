"""Every parser under fire: real files with bytes changed, and bytes that never were a file.

Two outcomes are allowed: a result whose balance holds, or an IngestError (a ValueError for options) that names what it is about.
"""

from __future__ import annotations

import gzip
import importlib.resources
import io
import resource
import tempfile
import zipfile
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecoai_pipeline.domain import Month
from ecoai_pipeline.settings import PROJECT, load_settings
from ecoai_pipeline.sources import simulation
from ecoai_pipeline.sources import workbook as workbooks
from ecoai_pipeline.sources.ingest import IngestError, IngestOptions, ingest_file
from ecoai_pipeline.sources.mapping import ColumnMapping
from ecoai_pipeline.sources.registry_file import is_registry, read_registry
from ecoai_pipeline.sources.simulation.plan import FAULTS_FILE, read_plan
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.landing import Landing
from tests.sources.given import CANONICAL, RECEIVED, day_line, examples, hours, put_workbook, wide_text
from tests.sources.given_espi import hourly, simple

HANG = timedelta(seconds=20)
"""No example takes a second; one that takes this long hangs."""

HEADERS = {
    "canonical": CANONICAL,
    "lead": "building_id,timestamp,meter_reading,anomaly",
    "kpi": "timestamp,value,label,KPI ID",
    "steel": "date,Usage_kWh,NSM,CO2(tCO2)",
    "mapped": "time;meter;value;temp;flag;length;quality",
}
ROWS = {
    "canonical": hours(),
    "lead": [f"7,2016-01-01 {h:02d}:00:00,{h}.5,{int(h == 3)}" for h in range(24)],
    "kpi": [f"{1_500_000_000 + 60 * n},{n / 7},0,a07ac296" for n in range(24)],
    "steel": [f"01/01/2018 {h:02d}:{m:02d},3.2,{h * 3600},0" for h in range(24) for m in (0, 15, 30, 45)],
    "mapped": [f'2025-03-01T{h:02d}:00+09:00;"m, 1";{h}.25;{h};x;3600;estimated' for h in range(24)],
}
MAPPING = (
    "meter=meter,timestamp=time,kwh=value,weather.temperature=temp,label=flag,interval=length,quality=quality,stamp=end,zone=Europe/Berlin"
)


def text_of(name: str) -> str:
    return "\n".join([HEADERS[name], *ROWS[name]]) + "\n"


def parquet() -> bytes:
    buffer = io.BytesIO()
    start = datetime(2025, 3, 1, tzinfo=UTC)
    frame = pl.DataFrame({"meter_id": ["m"] * 24, "timestamp": [start + timedelta(hours=h) for h in range(24)], "kwh": [1.0] * 24})
    frame.write_parquet(buffer, use_pyarrow=False)
    return buffer.getvalue()


def workbook() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        rows = [CANONICAL.split(","), *(row.split(",") for row in hours())]
        return put_workbook(Path(folder) / "w.xlsx", rows).read_bytes()


WIDE = wide_text(day_line("A", "금속", "20250301"), day_line("B", "식품", "20250301", [""] * 96))
NEM12 = "\n".join(
    ["100,NEM12,202503040100,M,R", "200,NMI,E1,1,E1,N1,S,kWh,30,", f"300,20250301,{','.join(['1.5'] * 48)},V,,,", "400,1,20,F14,76,", "900"]
)
OPOWER = "\n".join(
    [
        "Account Number,12,,",
        "",
        "TYPE,DATE,START TIME,END TIME,USAGE (kWh)",
        *(f"Electric,2025-03-01,{h:02d}:00,{h:02d}:59,{h}" for h in range(24)),
    ]
)
FILES: dict[str, tuple[bytes, dict[str, str]]] = {
    **{name: (text_of(name).encode(), {}) for name in ("canonical", "lead", "kpi", "steel")},
    "mapped": (text_of("mapped").encode(), {"columns": MAPPING}),
    "greenbutton": (simple(hourly(range(24)), powerOfTenMultiplier=3).encode(), {}),
    "kepco": (WIDE.encode(), {}),
    "kepco-cp949": (WIDE.encode("cp949"), {}),
    "nem12": (NEM12.encode(), {}),
    "opower": (OPOWER.encode(), {}),
    "windows-1252": ("\n".join(["sep=;", "Zähler;Zeit;Verbrauch (kWh)", *hours(meter="ÅNGE-1")]).replace(",", ";").encode("cp1252"), {}),
    "utf-16": (text_of("canonical").encode("utf-16"), {}),
    "old-mac": (text_of("canonical").replace("\n", "\r").encode(), {}),
    "quoted": ("\n".join(",".join(f'"{cell}"' for cell in row.split(",")) for row in text_of("lead").split("\n")).encode(), {}),
    "gzip": (gzip.compress(text_of("canonical").encode(), mtime=0), {}),
    "parquet": (parquet(), {}),
    "workbook": (workbook(), {}),
}
TOKENS = [
    *(sign.encode() for sign in ["\x00", '"', '""', "\r", "\n", "\r\n", ",", ";", "\t", "|", "'", "-", "+", ".", ":", "=", "@", "<", "\\"]),
    *(
        b" ",
        b"\x1f\x8b",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x80\xa8",
        b"\x1a",
        b"\x85",
    ),
    *("검".encode(), "검".encode("cp949"), "٣".encode(), "１".encode(), b"x" * 5_000, b"9" * 400),
    *(b"nan", b"inf", b"-inf", b"1e309", b"1e-400", b"1,234.5", b"1,234", b"0x10", b"1_000", b"null", b"-999999", b"99999999999999999999"),
    *(b"2025-02-30", b"24:00", b"24:00:00", b"0001-01-01 00:00:00", b"9999-12-31 23:59:59", b"1969-12-31"),
    *(b"2025-03-01T00:00:00+99:99", b"2025-03-01T00:00:00Z"),
    *(b"elcp_use_9999", b"elcp_use_0000", b"elcp_use_0001", b"meter_id", b"timestamp", b"PAR1"),
]
"""What parsers stumble over."""


@st.composite
def changed(draw: st.DrawFn, base: bytes, tokens: Sequence[bytes] = TOKENS) -> bytes:
    """A file with some of its bytes flipped, lost, repeated, or replaced by what parsers stumble over."""
    data = base
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(1, 200))
        kind = draw(st.sampled_from(["flip", "insert", "replace", "lose", "repeat", "truncate"]))
        if kind == "flip":
            data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
        elif kind in ("insert", "replace"):
            data = data[:at] + draw(st.sampled_from(tokens)) + data[at + (length % 12 if kind == "replace" else 0) :]
        elif kind == "lose":
            data = data[:at] + data[at + length :]
        elif kind == "repeat":
            data = data[:at] + data[at : at + length] * draw(st.integers(2, 40)) + data[at + length :]
        else:
            data = data[:at]
    return data


def judge(path: Path, options: IngestOptions, *, dry_run: bool = True) -> str:
    """Take a file in, and say how that ended; anything but the two allowed outcomes is raised."""
    lake = Lake(path.parent / "lake")
    try:
        result = ingest_file(lake, load_settings(), path, options, received_at=RECEIVED, dry_run=dry_run)
    except IngestError as error:
        return named(error, f"{path.name}: ")
    statement = result.statement
    assert statement.readings_in == statement.accepted + statement.quarantined
    assert statement.accepted == statement.added + statement.changed + statement.unchanged > 0
    assert statement.quarantined == sum(result.quarantined_by_reason.values())
    return "accepted"


def named(error: ValueError, start: str) -> str:
    assert str(error).startswith(start)
    return "refused"


FUZZ = hypothesis_settings(deadline=HANG, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def judged(name: str, data: bytes, options: dict[str, str], *, dry_run: bool = True) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return judge(path, IngestOptions.of(**options), dry_run=dry_run)


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_whole_before_they_are_changed(name):
    data, options = FILES[name]
    assert judged("f.csv", data, options) == "accepted"


@pytest.mark.parametrize("name", FILES)
@examples(8, full=1000, parent=FUZZ)
@given(data=st.data())
def test_a_changed_file_is_accepted_in_balance_or_refused_by_name(name, data):
    base, options = FILES[name]
    judged("f.csv", data.draw(changed(base)), options)


@examples(40, full=4000, parent=FUZZ)
@given(
    data=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: (CANONICAL + "\n" + text).encode("utf-8", "replace")))
)
def test_bytes_that_never_were_a_file_are_refused_or_in_balance(data):
    judged("f.csv", data, {})
    judged("f.csv", gzip.compress(data), {})


@examples(10, full=600, parent=FUZZ)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_what_is_written_is_in_balance_and_a_refused_file_leaves_nothing(name, data):
    base, options = FILES[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_bytes(data.draw(changed(base)))
        outcome = judge(path, IngestOptions.of(**options), dry_run=False)
        lake = Lake(path.parent / "lake")
        if outcome == "refused":
            assert not [found for found in lake.root.rglob("*") if found.is_file() and "locks" not in found.parts]
            return
        (statement,) = Landing(lake).in_force()
        pieces = [Landing(lake).scan_piece(statement.statement_id, Month.parse(month)).collect().height for month in statement.months]
        assert sum(pieces) == statement.added
        assert Landing(lake).quarantine().height == statement.quarantined


ESPI = [
    "12MonthlyUpdates.xml",
    "BulkSCEIntervalBlock.xml",
    "Gas.xml",
    "intervals_APUC000000_electric.xml",
    "threeusagepointsonecustomer.xml",
]
VALUES = [
    "",
    "0",
    "-1",
    "1",
    "4",
    "19",
    "72",
    "38",
    "119",
    "3600",
    "9" * 30,
    "1e9",
    "nan",
    " 7 ",
    "abc",
    "-99999999999",
    "1330578000",
    "٣",
    "https://[x",
]


@st.composite
def rewritten(draw: st.DrawFn, base: bytes) -> bytes:
    """A feed that is still XML: elements lost, doubled, moved under others, and with other texts and links."""
    root = ElementTree.fromstring(base)
    for _ in range(draw(st.integers(1, 6))):
        parents = [element for element in root.iter() if len(element)]
        if not parents:
            break
        parent = draw(st.sampled_from(parents))
        at = draw(st.integers(0, len(parent) - 1))
        child = parent[at]
        kind = draw(st.sampled_from(["lose", "double", "move", "text", "link"]))
        if kind == "lose":
            parent.remove(child)
        elif kind == "double":
            parent.insert(at, deepcopy(child))
        elif kind == "move":
            draw(st.sampled_from(parents)).append(deepcopy(child))
        elif kind == "text":
            child.text = draw(st.sampled_from(VALUES))
        else:
            child.set("href", draw(st.sampled_from([*VALUES, "UsagePoint/1", "/", "a/" * 50])))
    return ElementTree.tostring(root)


@examples(8, full=1000, parent=FUZZ)
@given(data=st.data())
def test_a_rewritten_feed_is_accepted_in_balance_or_refused_by_name(data):
    judged("f.xml", data.draw(rewritten(FILES["greenbutton"][0])), {})


@pytest.mark.parametrize("name", ESPI)
@examples(3, full=400, parent=FUZZ)
@given(data=st.data())
def test_a_changed_green_button_file_is_accepted_in_balance_or_refused_by_name(real_data, name, data):
    base = (real_data / "greenbutton" / name).read_bytes()
    judged("f.xml", data.draw(st.one_of(changed(base), rewritten(base))), {})


REGISTRY = "meter_id,industry,usage_type,time_zone,signed,valid_from,capacity_kw,site\nm,금속,산업용,Asia/Seoul,true,2025-01-01,1500,A\n"


@examples(40, full=4000, parent=FUZZ)
@given(data=changed((REGISTRY + REGISTRY.splitlines()[1].replace("m,", "n,") + "\n").encode()))
def test_a_changed_registry_is_read_or_refused_by_name(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r.csv"
        path.write_bytes(data)
        is_registry(path)
        try:
            assert read_registry(path)
        except IngestError as error:
            named(error, "r.csv: ")


WORDS = st.sampled_from(["meter", "timestamp", "kwh", "=", ",", "@filename", "zone", "UTC", "Asia", "format", "%Y", "%Q", "%", "epoch"])


@examples(40, full=4000, parent=FUZZ)
@given(
    option=st.sampled_from(["source", "industry", "zone", "unit", "columns"]),
    text=st.one_of(st.text(max_size=40), st.lists(WORDS | st.text(max_size=3), max_size=12).map("".join)),
)
def test_options_are_understood_or_refused_by_name(option, text):
    try:
        options = IngestOptions.of(**{option: text})
    except ValueError as error:
        named(error, f"--{option}")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_text(text_of("canonical"), encoding="utf-8")
        judge(path, options)


@examples(40, full=3000, parent=FUZZ)
@given(data=changed(b"meter: meter_id\ntimestamp: timestamp\nkwh: kwh\nzone: Asia/Seoul\nweather:\n  temperature: t\nsigned: true\n"))
def test_a_changed_mapping_is_read_or_refused_by_name(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.yaml"
        path.write_bytes(data)
        try:
            ColumnMapping.parse(str(path))
        except ValueError as error:
            named(error, f"column mapping {path}")


PARAMETERS = (PROJECT / "params.yaml").read_bytes()
FAULTS = importlib.resources.files(simulation).joinpath(FAULTS_FILE).read_bytes()
YAML_TOKENS = [
    b"[",
    b"{",
    b"- ",
    b": ",
    b"\n",
    b"#",
    b"&a",
    b"*a",
    b"!!python/name:os.system",
    b"2025-02-30",
    b".nan",
    b".inf",
    b"null",
    b"\xff",
]


@examples(20, full=2000, parent=FUZZ)
@given(data=changed(PARAMETERS) | changed(PARAMETERS, YAML_TOKENS))
def test_changed_parameters_are_read_or_refused_by_the_name_of_their_file(data):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "p.yaml"
        path.write_bytes(data)
        patch.setenv("ECOAI_PARAMS", str(path))
        try:
            load_settings()
        except ValueError as error:
            named(error, f"parameters {path}")


@examples(20, full=2000, parent=FUZZ)
@given(data=changed(FAULTS) | changed(FAULTS, YAML_TOKENS))
def test_a_changed_plan_of_faults_is_read_or_refused_by_the_name_of_its_file(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.yaml"
        path.write_bytes(data)
        try:
            read_plan(path)
        except ValueError as error:
            named(error, f"faults {path}")


@pytest.mark.parametrize("text", ["2025-02-30", "[" * 2_000, "a: b: c", "\xff", "- 1", "x", "1: 2", "{[]: 1}"])
def test_parameters_and_faults_that_are_none_are_refused_by_the_name_of_their_file(tmp_path, monkeypatch, text):
    path = tmp_path / "p.yaml"
    path.write_bytes(text.encode("latin-1"))
    monkeypatch.setenv("ECOAI_PARAMS", str(path))
    with pytest.raises(ValueError, match=r"^parameters .*p\.yaml"):
        load_settings()
    with pytest.raises(ValueError, match=r"^faults .*p\.yaml"):
        read_plan(path)


@pytest.mark.full
def test_memory_does_not_grow_with_the_files_that_were_read():
    """Peak memory after two thousand changed files against that after the first two hundred, MiB."""

    def read(count: int, seed: int) -> int:
        random = Random(seed)
        for _ in range(count):
            base, options = FILES[random.choice(sorted(FILES))]
            at, length = random.randrange(len(base)), random.randrange(1, 60)
            judged("f.csv", base[:at] + random.choice(TOKENS) + base[at + length :], options)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    first = read(200, seed=0)
    assert read(2_000, seed=1) < first + 64


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb") as packed:
        packed.write(text_of("canonical").encode())
        for _ in range(64):
            packed.write(b"9" * (1 << 20))
    with pytest.raises(IngestError, match="line 26 has more than 16 million characters"):
        ingest_file(Lake(tmp_path / "lake"), load_settings(), path, IngestOptions(), received_at=RECEIVED)


@pytest.mark.parametrize(
    "text", ["2025-02-30", "[" * 2_000, "a: b: c", "\xff", "- 1", ""], ids=["date", "deep", "torn", "latin-1", "list", "empty"]
)
def test_a_mapping_that_is_none_is_refused_by_the_name_of_its_file(tmp_path, text):
    """The first once ended in an error of a date, without a word of the file."""
    (tmp_path / "m.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"column mapping .*m\.yaml"):
        ColumnMapping.parse(str(tmp_path / "m.yaml"))


ODD = {
    "list": pa.array([[1.0]] * 3),
    "struct": pa.array([{"a": 1}] * 3),
    "map": pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())),
    "bytes": pa.array([b"\xff"] * 3),
    "duration": pa.array([timedelta(1)] * 3),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_parquet_column_that_is_no_number_stands_beside_readings_unharmed(tmp_path, kind):
    """Such a column once ended the whole intake with an error of the data frame's, even where nobody used it."""
    start = datetime(2025, 3, 1)
    columns = {"meter_id": ["m"] * 3, "timestamp": [start + timedelta(hours=h) for h in range(3)], "kwh": [1.0, 2.0, 3.0]}
    for name, expected in (("beside", "accepted"), ("kwh", "refused")):
        pq.write_table(pa.table({**columns, name: ODD[kind]}), tmp_path / "p.parquet")
        assert judge(tmp_path / "p.parquet", IngestOptions()) == expected


def test_a_parquet_text_that_is_no_utf8_is_refused(tmp_path):
    """The data frame trusts such a text and panics, which is no exception that anyone catches."""
    texts = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"m\xff")])
    pq.write_table(pa.table({"meter_id": texts, "timestamp": ["2025-03-01"], "kwh": [1.0]}), tmp_path / "p.parquet")
    with pytest.raises(IngestError, match=r"p\.parquet: the Parquet file is torn or damaged.*UTF8"):
        ingest_file(Lake(tmp_path / "lake"), load_settings(), tmp_path / "p.parquet", IngestOptions(), received_at=RECEIVED)


def test_a_workbook_that_unpacks_to_more_than_any_sheet_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "LARGEST_WORKBOOK", 2 << 20)
    with zipfile.ZipFile(tmp_path / "w.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/s.xml", bytes(3 << 20))
    with pytest.raises(IngestError, match="unpacked it has 3 MiB"):
        ingest_file(Lake(tmp_path / "lake"), load_settings(), tmp_path / "w.xlsx", IngestOptions(), received_at=RECEIVED)
