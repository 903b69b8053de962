"""Dates and times in words and in rare notations, rewritten as the plain texts that the reader of stamps knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from ecoai_pipeline.sources.reasons import IngestError

WORDS = {
    "년": "-",
    "월": "-",
    "일": " ",
    "年": "-",
    "月": "-",
    "日": " ",
    "시": ":",
    "분": ":",
    "초": "",
    "오전": "AM",
    "오후": "PM",
    "午前": "AM",
    "午後": "PM",
    "上午": "AM",
    "下午": "PM",
}
MONTHS = (
    "jan|ene|gen",
    "feb|fév",
    "mar|mär|mrz",
    "apr|avr|abr",
    "may|mai|mag",
    "juin|jun|giu",
    "juil|jul|lug",
    "aug|aoû|ago",
    "sep|set",
    "oct|okt|out|ott",
    "nov",
    "dec|dez|déc|dic",
)
"""Beginnings of the names of months in English, German, French, Spanish, Italian and Portuguese."""
_ANY_MONTH = "|".join(MONTHS)
WEEKDAY = (
    r"(?i)^(?:(?:mon|tue|wed|thu|fri|sat|sun)(?:[a-z]*day)?|mo|di|mi|do|fr|sa|so|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo)\.?,? +"
)
OFFSETS: Mapping[str, str] = {
    "KST": "+09:00",
    "JST": "+09:00",
    "CET": "+01:00",
    "MEZ": "+01:00",
    "CEST": "+02:00",
    "MESZ": "+02:00",
    "EET": "+02:00",
    "EEST": "+03:00",
    "WEST": "+01:00",
    "EDT": "-04:00",
    "CDT": "-05:00",
    "MDT": "-06:00",
    "PDT": "-07:00",
    "AEST": "+10:00",
    "AEDT": "+11:00",
    "EST": "-05:00",
    "CST": "-06:00",
    "MST": "-07:00",
    "PST": "-08:00",
    "BST": "+01:00",
}
"""Offsets by the abbreviations of time zones; one of `AMBIGUOUS` has this offset only if the column also has its partner."""
AMBIGUOUS: Mapping[str, tuple[str | None, str]] = {
    "EST": ("EDT", "America/New_York or Australia/Brisbane"),
    "CST": ("CDT", "America/Chicago or Asia/Shanghai"),
    "MST": ("MDT", "America/Denver or America/Phoenix"),
    "PST": ("PDT", "America/Los_Angeles or Asia/Manila"),
    "BST": ("GMT", "Europe/London or Asia/Dhaka"),
    "IST": (None, "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem"),
    "AST": (None, "America/Halifax or Asia/Riyadh"),
}
"""Abbreviations that mean several zones: the one of the other season that settles it, and zones that are meant."""
_ZONE_WORD = r"\d ?\(?([A-Z]{3,4})\)?(?: \d{4})?$"
_ZONE_NAME = r"(Z|[+-]\d{2}:?\d{2})\[[A-Za-z_/]+\]$"
_AFTER_DATE = r"[(（][월화수목금토일][)）]"
_COMPACT = r"^(\d{4})(\d{2})(\d{2})(?:[ T]?(\d{2}):?(\d{2})(?::?(\d{2}))?)?(\D.*)?$"
_REWRITTEN = (
    (r"^'", ""),
    (r" ?[월화수목금토일]요일,?", ""),
    (_AFTER_DATE, " "),
    (r"(?i) uhr$", ""),
    (r"(?i)(\d)h(\d{2})$", "${1}:${2}"),
    (r"(?i)(\d)(?:st|nd|rd|th)\b", "${1}"),
    (r"(?i)(\d),? (?:um|à|at|a las|alle|ore|kl\.?) (\d)", "${1} ${2}"),
    (r"(?i)(\d) ?([ap])\.? ?(?:m\.?)?$", "${1} ${2}M"),
    (r"^(\d{4}):(\d{2}):(\d{2}) ", "${1}-${2}-${3} "),
    (r"^(\d{8})[-_](\d{4}|\d{6})$", "${1} ${2}"),
    (r"^((?:19|20)\d{2}[01]\d[0-3]\d)[ T]?([0-2]\d)$", "${1} ${2}:00"),
    (r"^(\d{4}-\d{2}-\d{2})[-_](\d{2}[.:]\d{2})", "${1} ${2}"),
    (r"^(\d{4}-\d{2}-\d{2}[ T_]\d{2})-(\d{2})(?:-(\d{2}))?$", "${1}:${2}:${3}"),
    (r"^(\d{4}-\d{2}-\d{2})_", "${1} "),
    (r"(?i)(\d)\s*(?:UTC|GMT)\s?([+-])(\d)$", "${1}${2}0${3}"),
    (r"(?i)(\d)\s*(?:UTC|GMT)\s?([+-]\d{2}(?::?\d{2})?)(?: ?\([^)]*\))?$", "${1}${2}"),
    (r"([+-]\d{2}:?\d{2}) ?\(?[A-Z]{3,5}\)?$", "${1}"),
    (_ZONE_NAME, "${1}"),
)
"""Patterns and what takes their place, in this order."""
_PLAIN_SIGNS = r"[^\d\s:./,TZ+-]|^\d{8}|^\d{4}-\d{3}(?:[T ]|$)|^\d{4}:|[ T]\d{2}-\d{2}(?:-\d{2})?$|^\d{4}-\d{2}-\d{2}-"


def plain(texts: pl.Series) -> pl.Series:
    """Texts without words, names of months and rare notations; others as they are.

    >>> plain(pl.Series(["Mon Mar  3 00:15:00 2025", "2025-03-03 오전 12:15", "2025-W10-1T00:15", "03/03/2025 12:15 A"])).to_list()
    ['2025-3-3 00:15:00', '2025-03-03 AM 12:15', '2025-03-03T00:15', '03/03/2025 12:15 AM']
    """
    if not texts.str.contains(_PLAIN_SIGNS).any():
        return texts
    texts = texts.str.replace(WEEKDAY, "").str.replace_all(r"[\u00a0\u202f]", " ")
    texts = _with_year_before_the_clock(texts)
    for pattern, other in _REWRITTEN:
        texts = texts.str.replace(pattern, other)
    for name, offset in OFFSETS.items():
        texts = texts.str.replace(rf"(\d) ?\(?{name}\)?$", "${1}" + offset)
    texts = _from_weeks_and_days_of_the_year(texts)
    texts = texts.str.replace_many(list(WORDS), list(WORDS.values()), ascii_case_insensitive=True)
    texts = (
        texts.str.replace(_COMPACT, "${1}-${2}-${3} ${4}:${5}:${6}${7}").str.replace_all(r":\s+(\d)", ":${1}").str.replace(r"[ :]+$", "")
    )
    return _with_numbered_months(texts) if texts.str.contains("(?i)[a-zä-ü]{3}").any() else texts


def require_clear_zones(file: str, column: str, sample: pl.Series, whole: Callable[[], Iterable[pl.Series]]) -> None:
    """
    Raises:
        IngestError: the stamps bear an abbreviation that means several zones; the message gives the options that read the file.
    """
    seen = set(sample.str.extract(_ZONE_WORD).drop_nulls()) & AMBIGUOUS.keys()
    if not seen:
        return
    everywhere = {word for piece in whole() for word in piece.str.extract(_ZONE_WORD).drop_nulls().unique()}
    for word in sorted(seen):
        partner, zones = AMBIGUOUS[word]
        if partner not in everywhere:
            first = sample.filter(sample.str.contains(word, literal=True))[0]
            advice = f"give the zone with --zone, and the form of the times, for example format='%Y-%m-%d %H:%M:%S {word}' in --columns"
            raise IngestError(file, f"the times in column {column!r} are in {word} ({first!r}), which may be that of {zones}; {advice}")


def _with_year_before_the_clock(texts: pl.Series) -> pl.Series:
    """`Mar  3 00:15:00 KST 2025` as `3 Mar 2025 00:15:00 KST`."""
    ctime = rf"(?i)^((?:{_ANY_MONTH})[a-z]*)\.? +(\d{{1,2}}) +(\d{{1,2}}:\d{{2}}(?::\d{{2}})?)( +[A-Z]{{3,4}})? +(\d{{4}})$"
    return texts.str.replace(ctime, "${2} ${1} ${5} ${3}${4}")


def _from_weeks_and_days_of_the_year(texts: pl.Series) -> pl.Series:
    """`2025-W10-1` and `2025-062` as dates."""
    for pattern, form in ((r"^(\d{4}-?W\d{2}-?[1-7])", "%G-W%V-%u"), (r"^(\d{4}-\d{3})(?:[T ]|$)", "%Y-%j")):
        found = texts.str.extract(pattern)
        if found.null_count() == len(found):
            continue
        dashed = found.str.replace(r"^(\d{4})W(\d{2})(\d)$", "${1}-W${2}-${3}")
        dates = dashed.str.to_date(form, strict=False).dt.strftime("%Y-%m-%d")
        rest = pl.DataFrame({"text": texts, "found": found}).select(pl.col("text").str.strip_prefix(pl.col("found"))).to_series()
        texts = (dates + rest).zip_with(dates.is_not_null(), texts)
    return texts


def _with_numbered_months(texts: pl.Series) -> pl.Series:
    """`1 March 2025`, `01-MAR-25`, `1. März 2025`, `1 de marzo de 2025`, `Mar 1, 2025` and `2025-Mar-01` as 2025-3-1."""
    for number, name in enumerate(MONTHS, start=1):
        day_first = rf"(?i)^(\d{{1,2}})[-/. ]*(?:de )?(?:{name})[a-zä-ü]*\.?[-/., ]*(?:de )?"
        texts = texts.str.replace(day_first + r"(\d{4})\b", f"${{2}}-{number}-${{1}}")
        texts = texts.str.replace(day_first + r"(\d{2})\b", f"20${{2}}-{number}-${{1}}")
        texts = texts.str.replace(rf"(?i)^(?:{name})[a-z]*\.? +(\d{{1,2}}),? +(\d{{4}})\b", f"${{2}}-{number}-${{1}}")
        texts = texts.str.replace(rf"(?i)^(\d{{4}})[-/. ](?:{name})[a-zä-ü]*\.?[-/. ](\d{{1,2}})\b", f"${{1}}-{number}-${{2}}")
    return texts
