"""Ids, file names and texts are data: what each place that shows them must not do with them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoai_pipeline import escape

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@given(TEXTS)
def test_nothing_in_a_text_acts_on_a_terminal(text: str) -> None:
    shown = escape.terminal(text)
    assert shown.isprintable() or all(not char.isprintable() and char not in "\x1b\n\r\t\x07" for char in shown if not char.isprintable())
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hall [/north]", "hall [/north]"),
        ("한글 계량기", "한글 계량기"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\tb\r\n", r"a\tb\r\n"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
    ],
)
def test_a_text_on_a_terminal(text: str, shown: str) -> None:
    assert escape.terminal(text) == shown


@given(TEXTS)
def test_a_document_in_json_reads_back_the_same(text: str) -> None:
    written = escape.json({text: [text]}, indent=1)
    assert json.loads(written) == {text: [text]}
    assert not set(written) & {"\x1b", "\x7f", "\x9b", "\u202e", "\u2028"}


@given(TEXTS)
def test_a_cell_of_csv_is_no_formula_and_one_quote_less_reads_back_the_same(text: str) -> None:
    cell = escape.csv(text)
    assert cell in (text, f"'{text}")
    is_disarmed = cell.startswith("'") and cell.lstrip("'").startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert (cell[1:] if is_disarmed else cell) == text


@pytest.mark.parametrize("text", ["=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "-", "=5"])
def test_a_formula_gets_a_quote_in_front(text: str) -> None:
    assert escape.csv(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5.25", "+3", "-1e-9", "1-2", "O'Neil", "", "a=b"])
def test_numbers_and_plain_texts_stay_as_they_are_in_csv(text: str) -> None:
    assert escape.csv(text) == text


@given(TEXTS)
def test_html_holds_no_tag_and_closes_no_attribute(text: str) -> None:
    assert not set(escape.html(text)) & set("<>\"'")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("`c`", r"\`c\`"),
        ("[x](http://y)", r"\[x\]\(http\://y\)"),
        ("![i](u)", r"\!\[i\]\(u\)"),
        ("<b>x</b>", r"\<b\>x\</b\>"),
        ("*bold* _it_", r"\*bold\* \_it\_"),
        ("usage_z", "usage_z"),
        ("two\nlines", r"two\\nlines"),
    ],
)
def test_markdown_is_not_read_from_a_text(text: str, written: str) -> None:
    assert escape.markdown(text) == written


@pytest.mark.parametrize("text", ["$P$", "$a_b^{2$", r"\$P$", "$$", "100 $", r"$\frac"])
def test_a_label_of_a_figure_is_no_formula(text: str) -> None:
    """Matplotlib's own rule of what a formula is, and the text that it draws else."""
    from matplotlib.text import Text

    drawn, is_formula = Text(0, 0, "")._preprocess_math(escape.figure(text))  # type: ignore[attr-defined]
    assert (drawn, is_formula) == (text, False)


def test_a_long_name_is_shortened_in_its_middle() -> None:
    assert escape.figure("x" * 300, 20) == "xxxxxxxxxx…xxxxxxxxx"


def test_csv_of_rows_holds_odd_names_whole() -> None:
    names = ['x"y', "a,b", "tab\tname", "<b>"]
    out = io.StringIO()
    csv.writer(out).writerow([escape.csv(name) for name in names])
    assert next(csv.reader(io.StringIO(out.getvalue()))) == names
