"""Links of an Atom feed as places of resources, and finding a resource by a link that is written differently than its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

OWNERS = ("retailcustomer", "user", "customer", "subscription")
_COLLECTIONS = {*OWNERS, "usagepoint", "meterreading", "intervalblock", "readingtype", "localtimeparameters"}


class Step(NamedTuple):
    """A collection, in lower case, and the id in it; an empty id is the collection itself."""

    collection: str
    id: str


Place = tuple[Step, ...]


def place(href: str) -> Place:
    """The resources along a link; host, base path, query and the case of letters do not matter, except in ids.

    >>> place("https://h/DataCustodian/espi/1_1/resource/RetailCustomer/9B6/UsagePoint/01/MeterReading")
    (Step(collection='retailcustomer', id='9B6'), Step(collection='usagepoint', id='01'), Step(collection='meterreading', id=''))
    >>> place("/Batch/Subscription/")
    (Step(collection='subscription', id=''),)
    """
    try:
        path = urlsplit(href.strip()).path
    except ValueError:
        return ()
    parts = [unquote(part) for part in path.split("/") if part]
    steps, at = [], 0
    while at < len(parts):
        name = parts[at].lower()
        if name in _COLLECTIONS:
            follows = parts[at + 1] if at + 1 < len(parts) and parts[at + 1].lower() not in _COLLECTIONS else ""
            steps.append(Step(name, follows))
            at += 1 + bool(follows)
        else:
            at += 1
    return tuple(steps)


def up_to(where: Place, collection: str) -> Place | None:
    """The part of a place that ends with an id of a collection; None where it holds none."""
    ends = [at for at, step in enumerate(where, start=1) if step.collection == collection and step.id]
    return where[: ends[-1]] if ends else None


class Index:
    """Resources of one kind by place: found by the whole of it, or by its end where only one resource has that end.

    An owner may be written in several ways (a customer, a subscription), but no other id of the two may differ.
    """

    def __init__(self, places: Iterable[tuple[Place, int]]) -> None:
        self._ends: dict[Place, set[int]] = {}
        self._ids: dict[int, dict[str, str]] = {}
        for where, number in places:
            self._ids[number] = _ids(where)
            for start in range(len(where)):
                self._ends.setdefault(folded(where[start:]), set()).add(number)

    def find(self, where: Place | None) -> int | None:
        whole = folded(where or ())
        for start in range(len(whole)):
            found = self._ends.get(whole[start:], set())
            if len(found) == 1:
                number = next(iter(found))
                own, asked = self._ids[number], _ids(whole)
                return number if all(own[name] == asked[name] for name in own.keys() & asked.keys()) else None
        return None


def _ids(where: Place) -> dict[str, str]:
    return {step.collection: step.id for step in folded(where) if step.id and step.collection not in OWNERS}


def folded(where: Place) -> Place:
    """As it is compared: the case of ids does not matter either."""
    return tuple(Step(collection, name.casefold()) for collection, name in where)
