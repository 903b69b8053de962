"""Data as text: meter ids, file names and cells are never markup. One function per place where a text is shown."""

from __future__ import annotations

import html as _html
import json as _json
import re
from collections.abc import Callable
from typing import Any

# Control characters (ANSI escapes begin with one), surrogates, line separators, and characters that reverse the direction of
# writing: they move the cursor, recolour the terminal or show another text than the one that is stored.
_CONTROL = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_HIDDEN = re.compile(f"[{_CONTROL}]")
_NAMED = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
# What Markdown reads as markup; an underscore only at the edge of a word.
_MARKDOWN = re.compile(r"[\\`*\[\]{}<>()#!|~&$@:]|(?<![^\W_])_|_(?![^\W_])")
# What a spreadsheet takes for a formula, in the full width of Korean and Japanese input as well; quotes before it are our own.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_LONGEST_TITLE = 110  # characters of a figure of eight inches


def terminal(text: str) -> str:
    r"""One line of text for a terminal: characters that would act on it are written as their codes.

    >>> print(terminal("hall [/north]\x1b[31m"), terminal("a\tb"))
    hall [/north]\x1b[31m a\tb
    """
    return _HIDDEN.sub(_code, text)


def lines(text: str) -> str:
    r"""Several lines of text for a terminal; only the line breaks stay.

    >>> lines("two\nlines\x07")
    'two\nlines\\x07'
    """
    return "\n".join(terminal(line) for line in text.split("\n"))


def html(text: str) -> str:
    """Text inside an element or a quoted attribute of HTML or SVG.

    >>> html("<b>x</b>")
    '&lt;b&gt;x&lt;/b&gt;'
    """
    return _html.escape(terminal(text))


def markdown(text: str) -> str:
    r"""Text inside a paragraph or a table cell of Markdown.

    >>> print(markdown("a|b `c` [d](e)"), markdown("usage_z"))
    a\|b \`c\` \[d\]\(e\) usage_z
    """
    return _MARKDOWN.sub(lambda found: "\\" + found[0], terminal(text))


def figure(text: str, width: int = _LONGEST_TITLE) -> str:
    r"""Text of a label of Matplotlib, which reads a pair of dollar signs as a formula; a long one is shortened in its middle.

    >>> print(figure("hall $P$"))
    hall \$P\$
    """
    return shortened(terminal(text), width).replace("$", r"\$")


def csv(text: str) -> str:
    """A text cell of CSV: a quote in front keeps a spreadsheet from running it as a formula. Numbers stay as they are.

    A program that reads the file removes one quote from cells that begin with quotes and then one of `= + - @`.

    >>> csv("=1+1"), csv("'=1"), csv("-5.2"), csv("O'Neil")
    ("'=1+1", "''=1", '-5.2', "O'Neil")
    """
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def json(document: Any, default: Callable[[Any], Any] | None = None, indent: int | None = None) -> str:
    r"""A JSON document that keeps letters of all languages and writes what would act on a terminal as codes; it reads back the same.

    >>> json({"한글": "\u202e"})
    '{"한글": "\\u202e"}'
    """
    text = _json.dumps(document, default=default, ensure_ascii=False, indent=indent)
    return re.sub(f"(?!\n)[{_CONTROL}]", lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(text: str, width: int) -> str:
    """A text of at most `width` characters, its middle left out.

    >>> shortened("0123456789", 7)
    '012…789'
    """
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def forms(text: str) -> set[str]:
    """The text in every form in which our files may show it; what forgets a meter looks for all of them."""
    return {text, terminal(text), html(text), _html.escape(text), markdown(text), csv(text), json(text)[1:-1], _json.dumps(text)[1:-1]}


def _code(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _NAMED.get(found[0]) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "\n" not in text and "\t" not in text and "\r" not in text
