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
_LATIN_WORD = re.compile(r"(?=.*[A-Za-z])[A-Za-zÀ-ÖØ-Üß-öø-üŒœ’]+|[ÀÈÉÊÄÅÆÖØÜàéèêäåæöøüß]")
"""Without Š, Ž, Ÿ and the letters of Iceland: in other encodings their bytes are common letters (Mac: ä, é, ü; Turkish: İ, ğ, ş)."""
_LATIN_UNIT = re.compile(r"[°º][CFK]?|µ[A-Za-z]{0,3}|(?:[cdk]?m|Nm|ft|in)?[²³]h?|[A-Za-z]{0,3}[€¢]|[€£¥¢±×÷½¼¾]")
_CASES = re.compile(r"[^a-zß-ÿœ]*|[A-ZÀ-ÞŒ]?[^A-ZÀ-ÞŒ]*")
"""Words in capitals, in small letters, or with a capital first; `ZŠhler` is none."""
_CONTROLS = re.compile("[\0\x0e\x0f]|\x1b[$(]")
"""Zero bytes and the signs by which ISO 2022 shifts to another alphabet; another escape is part of a text."""
_UNUSUAL_SYLLABLES = 0.15
"""Share of syllables whose finals no Korean noun has, from which text is taken for Chinese or Japanese."""
_USUAL_FINALS = frozenset((0, 1, 4, 8, 16, 17, 19, 21))  # none, ㄱ, ㄴ, ㄹ, ㅁ, ㅂ, ㅅ, ㅇ
_UNUSUAL_VOWELS = frozenset((3, 10, 15))  # ㅒ, ㅙ, ㅞ, which are usual without a final
_OFFERED = (KOREAN, LATIN, "gbk", "shift_jis", "euc_jp", "big5", "cp1250", "iso8859_2", "cp1251", "cp1253", "cp1254", "mac_roman", "cp850")
_MOST_OFFERED = 5
_RARE_WORD = re.compile(r"[A-Za-z]{0,2}[가-힣]{1,2}")


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
        advice = "if it is text, give its encoding with --encoding, for example --encoding utf-16-le"
        raise IngestError(file, f"it holds zero bytes: it is binary, no text; {advice}")
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
        if not codecs.lookup(encoding)._is_text_encoding:
            raise LookupError
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
            if control := _CONTROLS.search(text):
                line = lines + text.count("\n", 0, control.start())
                return f"it holds {'zero bytes' if control[0] == chr(0) else 'control characters'} near line {line}, so it is binary"
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
    offered = [name for name in _OFFERED if _is_offered(words, name)][:_MOST_OFFERED] or [KOREAN, LATIN]
    shown = " or ".join(f"{name.upper()} ({', '.join(_examples(words, name))})" for name in offered)
    message = f"it is not UTF-8 ({failure}), and its words do not show whether it is {shown}"
    raise IngestError(
        file, f"{message}; give its encoding with --encoding, for example --encoding {offered[0]} (or encoding= in --columns)"
    )


def _is_offered(words: Sequence[bytes], encoding: str) -> bool:
    """Whether an encoding makes words of one script each of all bytes."""
    try:
        texts = [word.decode(encoding) for word in words]
    except UnicodeDecodeError:
        return False
    return all(text.isalpha() and len({_script(sign) for sign in text if not sign.isascii()}) <= 1 for text in texts)


def _script(sign: str) -> str:
    return unicodedata.name(sign, "?").split()[0]


_SELDOM = str.maketrans("ÅåÀà", "AaAa")
"""Letters whose bytes mean letters that hardly any name of Central Europe has."""


def other_reading(text: str) -> tuple[str, str] | None:
    """A word of a text read as Windows-1252, and what it is in the encoding of Central Europe, where they differ.

    >>> other_reading("M1,Gdañsk"), other_reading("Halle Süd")
    (('Gdañsk', 'Gdańsk'), None)
    """
    for word in re.findall(r"[^\W\d_]+", text.translate(_SELDOM)):
        try:
            other = word.encode(LATIN).decode("cp1250")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if other != word and other.isalpha():
            return word, other
    return None


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
    return (*words, *(word for word in _WORD.findall(begun) if not word.isascii()))


def _share(words: Sequence[bytes], encoding: str) -> float:
    """The share of the words that are words in an encoding; signs that say nothing are not counted."""
    judge = _is_korean if encoding == KOREAN else _is_latin
    texts = [word.decode(encoding, errors="replace") for word in words]
    if encoding == KOREAN and _unusual_share("".join(texts)) > _UNUSUAL_SYLLABLES:
        return 0.0
    votes = [
        vote and not (encoding == LATIN and _is_rare(word))
        for word, text in zip(words, texts, strict=True)
        if (vote := judge(text)) is not None
    ]
    return sum(votes) / len(votes) if votes else float(encoding == LATIN)


def _is_rare(word: bytes) -> bool:
    """Whether a word of a Latin alphabet may as well be a name with a rare Hangul syllable: `ÆR` is 힣; signs of units are not."""
    korean, latin = word.decode(KOREAN, errors="replace"), word.decode(LATIN, errors="replace")
    has_rare = bool(_RARE_WORD.fullmatch(korean)) and not all(_is_usual(sign) for sign in korean if not sign.isascii())
    return has_rare and not _LATIN_UNIT.fullmatch(latin)


def _unusual_share(text: str) -> float:
    """The share of Hangul syllables that Korean nouns hardly have: Chinese text that is read as CP949 has a third of them."""
    places = [ord(sign) - ord("가") for sign in text if "가" <= sign <= "힣"]
    unusual = [place % 28 not in _USUAL_FINALS or (place % 28 > 0 and place // 28 % 21 in _UNUSUAL_VOWELS) for place in places]
    return sum(unusual) / len(unusual) if unusual else 0.0


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
    return bool(_LATIN_WORD.fullmatch(word)) and bool(_CASES.fullmatch(word)) and marked <= len(word) - marked + 1


def _is_korean(word: str) -> bool | None:
    """Usual Hangul syllables in runs, or one of them beside a short Latin name, not inside of it; or a Korean sign of a unit."""
    letters = [sign for sign in word if not sign.isascii() and unicodedata.category(sign).startswith("L")]
    if not letters:
        return True if any("㎀" <= sign <= "㏟" or sign == "℃" for sign in word) else None
    if len({_script(sign) for sign in letters}) > 1:  # Korean words mix no Hangul, ideographs and kana
        return False
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
