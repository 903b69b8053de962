"""Texts that are not UTF-8: CP949 or Windows-1252 by their words, UTF-16 with and without a mark, and what the sender says."""

from __future__ import annotations

import codecs

import pytest

from ecoai_pipeline.sources.reasons import IngestError
from tests.sources.given import CANONICAL, hours, put


@pytest.mark.parametrize(
    "meter", ["ÅNGE-1", "ÅNGSTRÖM", "ÅNGE Södra", "Zähler Süd", "Énergie", "Año 7", "ÁREA-2", "Årsta", "Größe", "Ø-Halle", "VÄXJÖ", "CAFÉ"]
)
def test_a_latin_meter_never_becomes_a_korean_one(ingest, table, meter):
    assert ingest(table(*hours(meter=meter), encoding="cp1252")).statement.meters == [meter]


@pytest.mark.parametrize("meter", ["금속공장", "업종", "A동", "LG화학", "2공장 전력량계", "전력사용량kWh", "計量器", "㈜대한", "하하"])
def test_a_korean_meter_stays_korean(ingest, table, meter):
    assert ingest(table(*hours(meter=meter), encoding="cp949")).statement.meters == [meter]


def test_all_words_of_a_file_are_looked_at_not_its_head_alone(ingest, table):
    days = [row for day in range(1, 29) for month in range(1, 13) for row in hours(meter="plain", day=f"2024-{month:02d}-{day:02d}")]
    rows = [*days, *hours(meter="금속")]
    assert ingest(table(*rows, encoding="cp949")).statement.meters == ["plain", "금속"]
    assert ingest(table(*days, *hours(meter="ÅNGE-1"), encoding="cp1252")).statement.meters == ["plain", "ÅNGE-1"]


@pytest.mark.parametrize("sign", ["°C", "µ", "m³", "€"])
def test_signs_of_units_in_a_header_do_not_make_it_korean(ingest, table, sign):
    result = ingest(table(*(f"{row},5" for row in hours()), header=f"{CANONICAL},other ({sign})", encoding="cp1252"))
    assert result.statement.unmapped == [f"other ({sign})"]


def test_words_of_both_encodings_are_refused_with_both_and_the_option(ingest, table):
    path = table(*hours(meter="BLÅÄ"), encoding="cp1252")
    with pytest.raises(IngestError, match=r"CP949 \(BL탠\) or CP1252 \(BLÅÄ\).*; give its encoding with --encoding"):
        ingest(path)
    assert ingest(path, encoding="cp1252").statement.meters == ["BLÅÄ"]
    assert ingest(path, columns="meter=meter_id,timestamp=timestamp,kwh=kwh,encoding=cp949").statement.meters == ["BL탠"]


def test_words_of_neither_are_refused_and_read_as_the_sender_says(ingest, table):
    path = table(*hours(meter="Счётчик"), encoding="cp1251")
    with pytest.raises(IngestError, match=r"it is not UTF-8 \(byte 0xd1.*line 2\).*--encoding"):
        ingest(path)
    assert ingest(path, encoding="cp1251").statement.meters == ["Счётчик"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig", "utf-32"])
def test_unicode_with_and_without_a_byte_order_mark(ingest, table, encoding):
    assert ingest(table(*hours(meter="Zähler 금속"), encoding=encoding)).statement.meters == ["Zähler 금속"]


def test_old_mac_line_ends_in_latin_text(ingest, tmp_path):
    path = put(tmp_path / "t.csv", "\r".join([CANONICAL, *hours(meter="Zähler")]), "cp1252")
    assert ingest(path).statement.accepted == 24


@pytest.mark.parametrize(("said", "message"), [("utf-8", r"it is not utf-8: byte 0xe4"), ("klingon", r"there is no encoding 'klingon'")])
def test_an_encoding_that_cannot_be_is_refused(ingest, table, said, message):
    with pytest.raises(IngestError, match=message):
        ingest(table(*hours(meter="Zähler"), encoding="cp1252"), encoding=said)


def test_a_broken_byte_in_unicode_is_named_with_its_line(ingest, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(codecs.BOM_UTF8 + "\n".join([CANONICAL, *hours(meter="금속")]).encode() + b"\nm\xff,2025-03-02 00:00:00,1\n")
    with pytest.raises(IngestError, match=r"it is not UTF-8: byte 0xff near offset \d+ \(line 26\)"):
        ingest(path)


def in_encoding(tmp_path, encoding, meter):
    rows = [f"{meter},2025-03-03 {hour:02d}:00,{hour}.5" for hour in range(24)]
    path = tmp_path / "m.csv"
    path.write_bytes("\n".join(["meter_id,timestamp,kwh", *rows, ""]).encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "meter"),
    [
        ("cp949", "힣"),
        ("gbk", "电表"),
        ("gbk", "车间一号"),
        ("shift_jis", "工場"),
        ("shift_jis", "ﾒｰﾀｰ1"),
        ("euc_jp", "工場"),
        ("big5", "電錶"),
        ("mac_roman", "Zähler"),
        ("mac_roman", "Köln Süd"),
        ("iso8859_2", "Ząbki"),
        ("cp1250", "Źródło"),
        ("cp1251", "Завод"),
        ("cp1254", "Şişli"),
        ("cp850", "Halle Süd"),
    ],
)
def test_other_encodings_are_asked_for_and_the_option_reads_them(ingest, raw, tmp_path, encoding, meter):
    path = in_encoding(tmp_path, encoding, meter)
    with pytest.raises(IngestError, match="give its encoding with --encoding"):
        ingest(path, industry="metal")
    assert raw(ingest(path, industry="metal", encoding=encoding))["meter_id"].unique().to_list() == [meter]


def test_the_refusal_offers_the_encodings_that_make_words(ingest, tmp_path):
    with pytest.raises(IngestError, match=r"CP949 \(든깊\) or GBK \(电表\)"):
        ingest(in_encoding(tmp_path, "gbk", "电表"), industry="metal")
    with pytest.raises(IngestError, match=r"CP949 \(힣\) or CP1252 \(ÆR\)"):
        ingest(in_encoding(tmp_path, "cp949", "힣"), industry="metal")


@pytest.mark.parametrize("meter", ["Halle Süd", "Übergabe", "Énergie", "Straße", "ÅNGE-1", "Málaga"])
def test_western_names_are_read_without_a_doubt(ingest, raw, tmp_path, meter):
    result = ingest(in_encoding(tmp_path, "cp1252", meter), industry="metal")
    assert raw(result)["meter_id"].unique().to_list() == [meter]
    assert not [text for text in result.statement.warnings if "Windows-1252" in text]


def test_a_name_that_may_be_of_central_europe_is_doubted(ingest, tmp_path):
    result = ingest(in_encoding(tmp_path, "cp1250", "Gdańsk"), industry="metal")
    assert "was read as Windows-1252: 'Gdañsk'; if that is 'Gdańsk', withdraw it and give --encoding cp1250" in str(
        result.statement.warnings
    )
    again = ingest(in_encoding(tmp_path, "cp1250", "Gdańsk"), industry="metal", encoding="cp1250")
    assert again.statement.meters == ["Gdańsk"]


@pytest.mark.parametrize("name", ["base64", "klingon"])
def test_what_is_no_encoding_of_text_is_named(ingest, tmp_path, name):
    with pytest.raises(IngestError, match=f"there is no encoding '{name}'"):
        ingest(in_encoding(tmp_path, "cp949", "동력반"), industry="metal", encoding=name)
