"""Which usage point, reading type and clock the blocks of a file belong to: by links, else by nesting, else by order."""

from __future__ import annotations

from dataclasses import dataclass

from ecoai_pipeline.sources.greenbutton.links import OWNERS, Index, Place, folded, up_to
from ecoai_pipeline.sources.greenbutton.scan import LOCAL_TIME, METER_READING, POINT, READING_TYPE, Resource, Scan, Stream


@dataclass(frozen=True)
class Belongings:
    """What a stream of blocks belongs to; `point_place` also where the point itself is not described.

    `lost` says that a link to the meter reading or the reading type leads nowhere, so that another's place in the file decides.
    """

    point: Resource | None
    point_place: Place
    reading_type: Resource | None
    clock: Resource | None
    lost: bool = False

    @property
    def ids(self) -> dict[str, str]:
        """The ids along the point's link, by collection."""
        return {step.collection: step.id for step in self.point_place if step.id}

    @property
    def named_by_file(self) -> bool:
        return "usagepoint" not in self.ids and not (self.point and self.point.links.id)


def resolve(scan: Scan) -> list[Belongings]:
    """The belongings of each stream."""
    resolver = _Resolver(scan)
    return [resolver.of(stream) for stream in scan.streams]


def meter_name(owned: Belongings, stem: str, *, alone: bool) -> str:
    """`OWNER:POINT` of the link, else the id of the point's entry, else the file's name, numbered where it has several points.

    >>> from ecoai_pipeline.sources.greenbutton.links import place
    >>> meter_name(Belongings(None, place("/RetailCustomer/9b6c/UsagePoint/01"), None, None), "file", alone=True)
    '9b6c:01'
    """
    ids = owned.ids
    if "usagepoint" in ids:
        owner = next((ids[name] for name in OWNERS if name in ids), None)
        return f"{owner}:{ids['usagepoint']}" if owner else ids["usagepoint"]
    if owned.point is None:
        return stem
    return owned.point.links.id.rpartition(":")[2] or (stem if alone else f"{stem}:{owned.point.number}")


class _Resolver:
    def __init__(self, scan: Scan) -> None:
        self.resources = scan.resources
        self.kinds = {kind: scan.of_kind(kind) for kind in (POINT, METER_READING, READING_TYPE, LOCAL_TIME)}
        self.index = {kind: Index((each.links.own, each.number) for each in found) for kind, found in self.kinds.items()}
        related = ((up_to(link, "usagepoint"), each.number) for each in self.kinds[POINT] for link in each.links.related)
        self.points_by_related = Index((where, number) for where, number in related if where)

    def of(self, stream: Stream) -> Belongings:
        inside, before = dict(stream.inside), dict(stream.before)
        reading = self._found(METER_READING, stream.linked if up_to(stream.linked, "meterreading") else (), inside, before)
        where = up_to(stream.linked, "usagepoint") or (up_to(reading.links.own, "usagepoint") if reading else None) or ()
        if reading is not None:
            inside, before = {**reading.inside, **inside}, {**self._before(reading), **before}
        point = self._point(where, inside, before)
        if point is not None and folded(point.links.own) == folded(where):
            where = point.links.own  # one name for a meter, however its links are written
        return Belongings(
            point,
            where or (point.links.own if point else ()),
            self._reading_type(reading, inside, before),
            self._clock(point, inside, before),
            self._lost(stream, reading),
        )

    def _lost(self, stream: Stream, reading: Resource | None) -> bool:
        """Only where there is a choice between several reading types."""
        if len(self.kinds[READING_TYPE]) < 2:
            return False
        if reading is None:
            return bool(up_to(stream.linked, "meterreading"))
        named = [link for link in (up_to(link, "readingtype") for link in reading.links.related) if link]
        return bool(named) and all(self.index[READING_TYPE].find(link) is None for link in named)

    def _found(self, kind: str, where: Place, inside: dict[str, int], before: dict[str, int]) -> Resource | None:
        """By link, else by nesting, else the last one before; a link that leads nowhere is not overruled by order."""
        number = self.index[kind].find(where)
        if number is None:
            number = inside.get(kind)
        if number is None and not where:
            number = before.get(kind)
        if number is None and not where and len(self.kinds[kind]) == 1:
            number = self.kinds[kind][0].number
        return None if number is None else self.resources[number]

    def _point(self, where: Place, inside: dict[str, int], before: dict[str, int]) -> Resource | None:
        number = self.index[POINT].find(where)
        if number is None and where:
            number = self.points_by_related.find(where)
        if number is not None:
            return self.resources[number]
        return self._found(POINT, where, inside, before)

    def _reading_type(self, reading: Resource | None, inside: dict[str, int], before: dict[str, int]) -> Resource | None:
        """The one that the meter reading names; else the one that names it, is nested in it, or stands beside it."""
        if reading is None:
            return self._found(READING_TYPE, (), inside, before)
        for link in reading.links.related:
            number = self.index[READING_TYPE].find(up_to(link, "readingtype"))
            if number is not None:
                return self.resources[number]
        for each in self.kinds[READING_TYPE]:
            if each.inside.get(METER_READING) == reading.number or (each.links.up and each.links.up == reading.links.own):
                return each
        return self._beside(reading)

    def _beside(self, reading: Resource) -> Resource | None:
        """The first reading type between this meter reading and the next, else the last one before it, else the only one."""
        numbers = [each.number for each in self.kinds[METER_READING]]
        later = [number for number in numbers if number > reading.number]
        follows = [each for each in self.kinds[READING_TYPE] if reading.number < each.number < min(later, default=len(self.resources))]
        precedes = [each for each in self.kinds[READING_TYPE] if each.number < reading.number]
        return next(iter(follows or precedes[-1:] or self.kinds[READING_TYPE]), None)

    def _clock(self, point: Resource | None, inside: dict[str, int], before: dict[str, int]) -> Resource | None:
        for link in point.links.related if point else ():
            if any(step.collection == "localtimeparameters" for step in link):
                number = self.index[LOCAL_TIME].find(link)
                if number is not None:
                    return self.resources[number]
        return self._found(LOCAL_TIME, (), inside, before)

    def _before(self, reading: Resource) -> dict[str, int]:
        """The last resources of each kind that stand before a meter reading."""
        return {kind: each.number for kind, found in self.kinds.items() for each in found if each.number < reading.number}
