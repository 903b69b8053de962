"""Which encoding a text file has: Unicode by its bytes, else CP949 or Windows-1252 by the words that each of them gives."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from ecoai_pipeline.sources.reasons import IngestError

Open = Callable[[], AbstractContextManager[tuple[BinaryIO, BinaryIO]]]
"""Opens the unpacked bytes of a file from their beginning."""
KOREAN, LATIN = "cp949", "cp1252"
_HEAD = 4096
_CHUNK = 1 << 20
_MOST_WORDS = 5_000
"""Different words that are kept to decide between two encodings; more give no better answer."""
_CLEAR, _RARE = 0.75, 0.5
"""An encoding is taken where at least the first share of the words are words in it, and less than the second in the other."""
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_WORD_AT_END = re.compile(rb"[A-Za-z\x80-\xff]*\Z")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PUNCTUATION = "“”„‚‘’«»‹›–—…"
_LATIN_WORD = re.compile(r"(?=.*[A-Za-z])[A-Za-zÀ-ÖØ-öø-ÿŠšŽžŒœŸ’]+|[ÀÈÉÊÄÅÆÖØÜàéèêäåæöøüß]")
_LATIN_UNIT = re.compile(r"[°º][CFK]?|µ[A-Za-z]{0,3}|[A-Za-z]{0,3}[²³]h?|[A-Za-z]{0,3}[€£¥¢±×÷½¼¾][A-Za-z]{0,3}")


def encoding_of(file: str, opened: Open, stated: str | None = None) -> str:
    """The encoding of a file, as a codec that leaves out the byte order mark.

    The file is read to its end once, so that one that breaks off is refused before any use. All of its text that is not ASCII
    is looked at, up to _MOST_WORDS different words.

    Raises:
        IngestError: it is empty, binary, not what `stated` says, or its encoding cannot be told; the message names the option.
    """
    with opened() as (stream, _):
        head = stream.read(_HEAD)
    if not head.strip():
        raise IngestError(file, "it is empty")
    if stated:
        return _checked(file, opened, stated, f"it is not {stated}")
    by_mark = next((name for mark, name in _BOMS if head.startswith(mark)), None) or _without_mark(head)
    if by_mark:
        return _checked(file, opened, by_mark, f"it is not {by_mark.upper().removesuffix('-SIG')}")
    if b"\0" in head:
        raise IngestError(file, "it holds zero bytes: it is binary, no text; if it is text, give its encoding with --encoding")
    failure = _failure(opened, "utf-8")
    return "utf-8-sig" if failure is None else _by_words(file, opened, failure)


def _without_mark(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: delimiters and digits have a zero byte, always on the same side."""
    pairs = len(head) // 2
    first, second = head[: 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if max(first, second) < 0.3 * pairs or min(first, second) > 0.02 * pairs:
        return None
    return "utf-16-le" if second > first else "utf-16-be"


def _checked(file: str, opened: Open, encoding: str, trouble: str) -> str:
    """The encoding, where all of the file can be decoded with it."""
    try:
        failure = _failure(opened, encoding)
    except LookupError:
        raise IngestError(file, f"there is no encoding {encoding!r}; known are utf-8, utf-16, cp949, cp1252, cp1251, …") from None
    if failure:
        raise IngestError(file, f"{trouble}: {failure}; give the right one with --encoding")
    return encoding


def _failure(opened: Open, encoding: str) -> str | None:
    """Where decoding breaks, in words; None where it does not."""
    decoder, offset, lines = codecs.getincrementaldecoder(encoding)(), 0, 1
    with opened() as (stream, _):
        while True:
            chunk = stream.read(_CHUNK)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n")
                value = error.object[error.start] if error.start < len(error.object) else 0
                return f"byte 0x{value:02x} near offset {offset + error.start} (line {line}) fits nowhere"
            if "\0" in text:
                return f"it holds zero bytes near line {lines}, so it is binary"
            if not chunk:
                return None
            offset, lines = offset + len(chunk), lines + text.count("\n")


def _by_words(file: str, opened: Open, failure: str) -> str:
    """CP949 or Windows-1252, whichever makes words of the bytes.

    Raises:
        IngestError: both do, or neither.
    """
    words = _words(opened)
    shares = {name: _share(words, name) for name in (KOREAN, LATIN) if _failure(opened, name) is None}
    for name, share in shares.items():
        others = max((other for of, other in shares.items() if of != name), default=0.0)
        if share >= _CLEAR and others < _RARE:
            return name
    shown = " or ".join(f"{name.upper()} ({', '.join(_examples(words, name))})" for name in shares) or "CP949 or Windows-1252"
    message = f"it is not UTF-8 ({failure}), and its words do not show whether it is {shown}"
    raise IngestError(file, f"{message}; give its encoding with --encoding, for example --encoding cp949 or --encoding cp1252")


def _words(opened: Open) -> tuple[bytes, ...]:
    """Words with bytes above 127, each once, at most _MOST_WORDS of them."""
    words: dict[bytes, None] = {}
    begun = b""
    with opened() as (stream, _):
        while (chunk := stream.read(_CHUNK)) and len(words) < _MOST_WORDS:
            if chunk.isascii() and not begun:
                continue
            data = begun + chunk
            last = _WORD_AT_END.search(data)
            cut = last.start() if last and len(data) - last.start() < _HEAD else len(data)
            begun = data[cut:]
            words.update((word, None) for word in _WORD.findall(data[:cut]) if not word.isascii())
    return tuple(words) + tuple(_WORD.findall(begun))


def _share(words: Sequence[bytes], encoding: str) -> float:
    """The share of the words that are words in an encoding; signs that say nothing are not counted."""
    judge = _is_korean if encoding == KOREAN else _is_latin
    votes = [vote for word in words if (vote := judge(word.decode(encoding, errors="replace"))) is not None]
    return sum(votes) / len(votes) if votes else float(encoding == LATIN)


def _examples(words: Sequence[bytes], encoding: str) -> Iterator[str]:
    return (word.decode(encoding, errors="replace") for word in words[:3])


def _is_latin(word: str) -> bool | None:
    """Letters with diacritics inside of Latin words, or a sign of a unit."""
    if _LATIN_UNIT.fullmatch(word):
        return True
    word = word.strip(_PUNCTUATION)
    if not word:
        return None
    marked = sum(not sign.isascii() for sign in word)
    return bool(_LATIN_WORD.fullmatch(word)) and marked <= len(word) - marked + 1


def _is_korean(word: str) -> bool | None:
    """Usual Hangul syllables in runs, or one of them beside a short Latin name, not inside of it; or a Korean sign of a unit."""
    letters = [sign for sign in word if not sign.isascii() and unicodedata.category(sign).startswith("L")]
    if not letters:
        return True if any("㎀" <= sign <= "㏟" or sign == "℃" for sign in word) else None
    if not all(_is_usual(sign) for sign in letters):
        return False
    latin = sum(sign.isascii() for sign in word)
    runs = [len(run) for run in re.findall(r"[가-힣]+", word)]
    return latin == 0 or (bool(runs) and (max(runs) > 1 or (latin <= 3 and not re.search(r"[A-Za-z][가-힣][A-Za-z]", word))))


def _is_usual(sign: str) -> bool:
    """Whether a sign is one of KS X 1001, which has the syllables that Korean words are made of; CP949 adds rare ones."""
    return min(sign.encode(KOREAN)) > 0xA0


def name_in_archive(name: bytes) -> str:
    """A file name of a zip archive that does not say its encoding.

    >>> name_in_archive("검침.csv".encode("cp949")), name_in_archive("Zähler.csv".encode("cp437")), name_in_archive("Zähler".encode())
    ('검침.csv', 'Zähler.csv', 'Zähler')
    """
    for encoding in ("utf-8", KOREAN):
        try:
            text = name.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != KOREAN or _share(_WORD.findall(name), KOREAN) == 1.0:
            return text
    return name.decode("cp437")
