"""What columns are called in English, Korean, German, French and Spanish, and which column of a header means what by its name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import lru_cache

Header = Sequence[str]


class Role(Enum):
    """What a column holds; YEAR to MINUTE are parts of a time.

    `POINT` is a metering point, which stays where its meter is exchanged; `WEAK_METER` may be the meter where no column is called one;
    `PERIOD` numbers intervals of a day.
    """

    POINT = auto()
    METER = auto()
    WEAK_METER = auto()
    STAMP = auto()
    DATE = auto()
    CLOCK = auto()
    START = auto()
    END = auto()
    ENERGY = auto()
    PERIOD = auto()
    YEAR = auto()
    MONTH = auto()
    DAY = auto()
    HOUR = auto()
    MINUTE = auto()


_WORDS: dict[Role, str] = {
    Role.POINT: """
        metering point, metering point id, metering code, nmi, mpan, mpan core, mprn, esi id, esiid, ean
        zaehlpunkt, zaehlpunktbezeichnung, messlokation, marktlokation, malo, melo, messstelle
        pdl, prm, identifiant prm, point de livraison, cups""",
    Role.METER: """
        meter, meter id, meterid, meter number, meter no, meter name, meter serial, meter serial number, serial number, serial no, msn
        smart meter id, building, building id, building name
        계기, 계기번호, 계기 번호, 계량기, 계량기번호, 계량기 번호, 미터, 건물, 건물명
        zaehler, zaehlernummer, zaehler nr, zaehler id, zaehlernr, gebaeude
        compteur, numero compteur, numero de compteur, n compteur, batiment
        contador, numero de contador, medidor, edificio""",
    Role.WEAK_METER: """
        id, name, site, site id, site name, device, device id, sensor, sensor id, customer, customer id, account, account number, location
        location id, plant, facility, tag, series, channel, unique id, household, household id, lclid
        고객번호, 고객명, 업체코드, 업체명, 사업장, 사업장명, 공장, 공장명, 장소, 위치
        standort, anlage, kunde, kundennummer, werk, bezeichnung, geraet
        nom, client, appareil, usine, cliente, equipo, planta, nombre""",
    Role.STAMP: """
        timestamp, time stamp, datetime, date time, date and time, dateandtime, time, ts, utc timestamp, local timestamp, timestamp utc
        datetime utc, time utc, reading time, reading datetime, read datetime, reading timestamp, measured at, recorded at, interval, tstp
        local time stamp
        period, mtu, mtu cet cest, mtu utc, mtu cet
        시각, 일시, 시간, 측정시각, 측정일시, 검침시각, 검침일시, 날짜시간, 일자시간, 타임스탬프
        zeit, zeitpunkt, zeitstempel, datum zeit, datum uhrzeit, datum und uhrzeit, datumzeit, messzeitpunkt, ablesezeitpunkt
        horodatage, horodate, date heure, date et heure, dateheure
        fecha hora, fecha y hora, fechahora, marca de tiempo""",
    Role.DATE: """
        date, day, reading date, read date, usage date, interval date, settlement date
        settlementdate, trading date, delivery date, meter dd, local date
        날짜, 일자, 측정일, 측정일자, 검침일, 검침일자, 사용일, 사용일자, 년월일
        datum, tag des verbrauchs, messdatum, ablesedatum
        jour, date de releve, date de mesure
        fecha, dia""",
    Role.CLOCK: """
        time, hour, clock, time of day, local time, reading time
        시간, 시각, 측정시간
        uhrzeit, zeit, stunde
        heure, hora""",
    Role.PERIOD: """
        settlement period, settlement periods, settlement period number, settlementperiod, period number, period no, period id, periodid
        trading period, tradingperiod, trading period number, half hour, half hour period, hh period, sp""",
    Role.YEAR: "year, yyyy, yr, 년, 연도, 년도, jahr, annee, an, ano",
    Role.MONTH: "month, mon, mo, 월, monat, mois, mes",
    Role.DAY: "day, dd, day of month, 일, tag, jour, dia",
    Role.HOUR: "hour, hours, hr, hh, 시, 시간, stunde, heure, hora",
    Role.MINUTE: "minute, minutes, min, mins, mi, 분, minuten, minuto",
    Role.START: """
        start, start time, from, begin, starttime, start datetime, start date time, start timestamp, interval start, interval start time
        period start, time from, start utc, interval beginning, usage start time, period from, valid from, intervalstart, startdatetime
        starttimestamp, timestamp start, datetime start, start ts, start at, interval start utc, time beginning
        시작, 시작시각, 시작시간, 시작일시
        von zeit, ab zeit, von uhrzeit, ab uhrzeit, von datum, von, beginn, ab, zeit von, ab datum, startzeit, zeitstempel von
        datum von, anfang
        debut, date debut, desde, inicio""",
    Role.END: """
        end, end time, to, until, endtime, end datetime, end date time, end timestamp, interval end, interval end time, period end, time to
        end utc, interval ending, usage end time, period ending, hour ending, interval ended, hourending, he, period to, valid to
        intervalend, enddatetime, endtimestamp, timestamp end, datetime end, end ts, end at, ending at, ended at, time ended, time ending
        interval end utc
        종료, 종료시각, 종료시간, 종료일시
        bis zeit, bis uhrzeit, bis, ende, zeit bis, bis datum, endzeit, zeitstempel ende, zeitstempel bis
        datum bis, fin, date fin, hasta""",
    Role.ENERGY: """
        kwh, wh, mwh, energy, value, usage, consumption, electricity, electricity usage, electricity consumption, energy usage, import kwh
        energy consumption, active energy, reading, meter reading, kwh usage, usage kwh, net consumption
        kwh import, import, kwh bezug, bezug kwh, kwh consumption, kwh imported, imported kwh, active import, active energy import
        total active energy, profilwert, profilwert kwh, lastgang, lastgang kwh, kwh total, import active energy
        volume, amount, quantity, usage value, interval usage, kwh hh, kwh delivered, delivered kwh, active energy delivered, actual
        사용량, 전력사용량, 전력 사용량, 사용 전력량, 사용전력량, 전력량, 유효전력량, 소비전력량, 측정값, 값
        wert, verbrauch, energie, stromverbrauch, energieverbrauch, messwert, menge, wirkarbeit, arbeit, bezug, zaehlerstand differenz
        valeur, consommation, energie active, conso, quantite
        valor, consumo, energia, energia activa, lectura""",
}
_ACCENTS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}
_UNIT = re.compile(r"[\[(][^\])]*[\])]|(?<![a-z])in (?=[kmg]?wh?$)")
_LENGTHS = "min|mins|minutes|h|hh|hour|hours|std|stunde|interval|intervall|period|viertelstunde"
_PER = re.compile(rf"(?<=wh)( per | je | pro | )(\d+ ?)?({_LENGTHS})$")
"""What the energy of an interval is called by its length: kWh/15min, kWh per hour."""
_POWER_OR_ENERGY = re.compile(r"(?<=[a-z가-힣] )[kmg]?wh?$")
_WIDE_CELL = re.compile(r"elcp use \d{4}")
_CANONICAL = {"meter_id": Role.METER, "timestamp": Role.STAMP, "kwh": Role.ENERGY}


def plain(name: str) -> str:
    """A name as it is compared: small letters without accents, separators as one blank, without a unit in brackets or at its end.

    >>> plain("Zähler-Nr."), plain("Verbrauch [kWh]"), plain("USAGE_kWh"), plain("전력사용량(kWh)")
    ('zaehler nr', 'verbrauch', 'usage', '전력사용량')
    """
    text = unicodedata.normalize("NFC", name).lower()
    text = "".join(_ACCENTS.get(sign, sign) for sign in text)
    text = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    text = re.sub(r"[\s_\-./:]+", " ", unicodedata.normalize("NFC", text))
    outside = _UNIT.sub(" ", text)
    words = (outside if outside.strip() else text.strip(" ()[]")).split()
    return _POWER_OR_ENERGY.sub("", _PER.sub("", " ".join(words).strip("# "))).strip()


@lru_cache(maxsize=1)
def _known() -> dict[str, frozenset[Role]]:
    found: dict[str, set[Role]] = {}
    for role, words in _WORDS.items():
        for word in re.split(r"[,\n]", words):
            found.setdefault(plain(word), set()).add(role)
    found.pop("", None)
    return {word: frozenset(roles) for word, roles in found.items()}


def roles_of(name: str) -> frozenset[Role]:
    """What a column may hold by its name; `time` may be a stamp, or the time beside a date."""
    return _known().get(plain(name), frozenset())


_NOTES = frozenset(
    plain(word)
    for word in re.split(
        r"[,\n]\s*",
        """note, notes, comment, comments, remark, remarks, info, bemerkung, bemerkungen, kommentar, hinweis, anmerkung, 비고, 메모, 참고
        commentaire, commentaires, remarque, remarques, observation, observations, nota, notas, comentario, comentarios, observaciones""",
    )
)


def is_for_notes(name: str) -> bool:
    """Whether a column is called one of notes, or has no name: then a number in it may be a part of the one before.

    >>> is_for_notes("Note"), is_for_notes(""), is_for_notes("status")
    (True, True, False)
    """
    return not name.strip() or plain(name) in _NOTES


_OBIS = re.compile(r"\d-\d{1,2}:\d{1,2}\.\d{1,2}\.\d{1,3}(\*\d+)?|[1-8]\.(8|29)\.\d")
"""Codes of quantities: 1-1:1.29.0 is energy that is taken, 1-1:2.29.0 energy that is fed in, of one meter."""
_NO_METERS = re.compile(
    r"temp|humid|feucht|wetter|weather|wind|solar|strahl|irradi|pressure|druck|price|preis|cost|kosten|tarif|rate|status|flag|quality"
    r"|valid|count|anzahl|total|summe?|gesamt|somme|average|mean|mittel|moyenne|min(?:imum)?$|max(?:imum)?$|export|einspeis|feed|generat|erzeug"
    r"|pv|lieferung|reactive|blind|kvar|volt|spannung|current|strom(?!verb)|ampere|frequen|factor|faktor|cos|co2|emission|import"
    r"|power|leistung|load|lastgang|demand|energ|verbrauch|consum|usage|value|wert|reading|phase|^l[1-3]$|gas|water|wasser|heat|warm"
    r"|steam|dampf|flow|peak|degree|hdd|cdd|forecast|prognos|budget|soll$|target|baseline|number|nummer|index|week|month|year"
    r"|hour|stunde|monat|jahr|season|예측|기온|온도|습도|합계|평균|역률|전압|전류|요금|상태|단가|번호|요일"
)


def may_be_meter(name: str) -> bool:
    """Whether a column of numbers may be called after a meter: it is no usual name of a column, quantity, total or direction.

    >>> [may_be_meter(name) for name in ("M1", "Halle 1 [kWh]", "Temperature", "Total", "kwh", "12345")]
    [True, True, False, False, False, True]
    """
    word = plain(name)
    if _OBIS.fullmatch(_UNIT.sub("", name).strip()):
        return False
    return not is_unnamed(name) and bool(word) and not roles_of(name) and not is_for_notes(name) and not _NO_METERS.search(word)


def known_words(names: Iterable[str]) -> int:
    """How many of some texts are usual names of columns.

    >>> known_words(["meter_id", "timestamp", "kwh"]), known_words(["Meter", "Unit"]), known_words(["M1", "kWh"])
    (3, 1, 1)
    """
    return sum(bool(roles_of(name)) or bool(_WIDE_CELL.match(plain(name))) for name in set(names))


_UNNAMED = re.compile(r"(?i)|unnamed: ?\d+|__unnamed__\d+|__index_level_\d+__|level_\d+|index")


def is_unnamed(name: str) -> bool:
    """Whether a column has no name, or one that programs give to columns without names.

    >>> [is_unnamed(name) for name in ("", "Unnamed: 0", "__index_level_0__", "index", "id")]
    [True, True, True, True, False]
    """
    return bool(_UNNAMED.fullmatch(name.strip()))


def meters_of(header: Header) -> list[str]:
    """The columns that may be the meter: those of metering points, else of meters, else of what may be one."""
    canonical = columns_of(header, Role.METER) if "meter_id" in header else []
    return canonical or columns_of(header, Role.POINT) or columns_of(header, Role.METER) or columns_of(header, Role.WEAK_METER)


def columns_of(header: Header, role: Role) -> list[str]:
    """The columns of a header that may have a role; one of the canonical name alone where there is one."""
    canonical = [name for name in header if _CANONICAL.get(name) is role]
    return canonical or [name for name in header if role in roles_of(name)]
