"""Forgetting a meter: what stays is a salted digest, by which it is known again if it is sent once more.

Here is what all rooms need for it: the tombstones, and finding and taking out the meter's id in texts, documents and files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import secrets
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from ecoai_pipeline import escape
from ecoai_pipeline.storage.lake import Lake
from ecoai_pipeline.storage.ledger import Ledger

REMOVED = "(erased)"
WORD = re.compile(r"[\w.-]+")
_BLOCK = 1 << 24
_ENCODINGS = ("utf-8", "cp949", "cp1252", "utf-16-le", "utf-16-be")


class Tombstone(BaseModel):
    """A meter that was erased, or, with `lifted`, may come again. The salt is the lake's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: str
    digest: str
    at: datetime
    lifted: bool = False


class Tombstones:
    """The meters that were erased and not let in again."""

    def __init__(self, lake: Lake) -> None:
        self._ledger = Ledger(lake.root / "ledgers" / "erasures", Tombstone)
        entries = [entry for _, entry in self._ledger.read()]
        self._salt = entries[0].salt if entries else secrets.token_hex(16)
        self._erased: set[str] = set()
        for entry in entries:
            (self._erased.discard if entry.lifted else self._erased.add)(entry.digest)

    @property
    def any(self) -> bool:
        return bool(self._erased)

    def erased(self, meters: Iterable[str]) -> set[str]:
        """Those of some meters that were erased."""
        return {name for name in meters if self._digest(name) in self._erased} if self._erased else set()

    def out_of_document(self, value: Any) -> Any:
        """A JSON document with a word in place of each id of an erased meter."""
        if isinstance(value, dict):
            return {key: self.out_of_document(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.out_of_document(item) for item in value]
        return self._out_of(value) if isinstance(value, str) else value

    def _out_of(self, text: str) -> str:
        words = {word.removesuffix(end) for word in WORD.findall(text) for end in ("", *_endings(word))}
        for erased in sorted(self.erased(words), key=len, reverse=True):
            text = Name(erased).out_of(text)
        return text

    def set(self, meter_id: str, at: datetime) -> None:
        self._enter(Tombstone(salt=self._salt, digest=self._digest(meter_id), at=at))

    def lift(self, meter_id: str, at: datetime) -> None:
        self._enter(Tombstone(salt=self._salt, digest=self._digest(meter_id), at=at, lifted=True))

    def _enter(self, entry: Tombstone) -> None:
        if entry.lifted == (entry.digest in self._erased):
            self._ledger.append(entry)
            (self._erased.discard if entry.lifted else self._erased.add)(entry.digest)

    def _digest(self, meter_id: str) -> str:
        return hashlib.sha256(f"{self._salt}|{meter_id}".encode()).hexdigest()


class Name:
    """A meter's id as it may stand in texts: whole, not as a part of a longer id."""

    def __init__(self, meter_id: str) -> None:
        self.meter_id = meter_id
        self._text = re.compile(rf"(?<![\w.-]){re.escape(meter_id)}(?![\w-])")
        forms = {meter_id.encode(encoding) for encoding in _ENCODINGS if _encodable(meter_id, encoding)}
        forms |= {form.encode("utf-8", "surrogatepass") for form in escape.forms(meter_id)}
        whole = b"|".join(re.escape(form) for form in sorted(forms))
        self._bytes = re.compile(rb"(?<![0-9A-Za-z_.-])(?:" + whole + rb")(?![0-9A-Za-z_-])")

    def is_in(self, text: str) -> bool:
        return self._text.search(text) is not None

    def out_of(self, text: str) -> str:
        """The text with a word in place of the id."""
        return self._text.sub(REMOVED, text)

    def out_of_document(self, value: Any) -> Any:
        """A JSON document without what is about the meter: its keys, its items, records whose `meter_id` or `meter` it is."""
        if isinstance(value, dict):
            kept = {key: item for key, item in value.items() if key != self.meter_id and not self._is_about(item)}
            return {self.out_of(key): self.out_of_document(item) for key, item in kept.items()}
        if isinstance(value, list):
            return [self.out_of_document(item) for item in value if item != self.meter_id and not self._is_about(item)]
        return self.out_of(value) if isinstance(value, str) else value

    def _is_about(self, item: Any) -> bool:
        return isinstance(item, dict) and self.meter_id in (item.get("meter_id"), item.get("meter"))

    def stands_in(self, path: Path) -> bool:
        """Whether a file holds the id, also where it is packed: in gzip, in the cells of Parquet, in workbooks, in JSON."""
        try:
            if path.suffix == ".json":
                return self._in_document(json.loads(path.read_bytes()))
            if path.suffix == ".parquet" or path.read_bytes()[:4] == b"PAR1":
                return self._in_parquet(path)
            return any(self._bytes.search(part) for part in _parts(path))
        except (ValueError, OSError, EOFError, pl.exceptions.PolarsError):
            return self._bytes.search(path.read_bytes()) is not None

    def _in_document(self, value: Any) -> bool:
        if isinstance(value, dict):
            return any(self.is_in(key) or self._in_document(item) for key, item in value.items())
        if isinstance(value, list):
            return any(self._in_document(item) for item in value)
        return isinstance(value, str) and self.is_in(value)

    def _in_parquet(self, path: Path) -> bool:
        footer = (pq.read_metadata(path).metadata or {}).get(b"ecoai", b"{}")
        if self._in_document(json.loads(footer)):
            return True
        texts = pl.scan_parquet(path, hive_partitioning=False).select(pl.selectors.string().unique().implode()).collect()
        return any(text is not None and self.is_in(text) for column in texts.iter_columns() for text in column.explode())


def _endings(word: str) -> list[str]:
    """All that may be an ending of a file's name: `.csv.gz` and `.gz` of `a.csv.gz`, and a full stop."""
    return [word[place:] for place, sign in enumerate(word) if sign == "."]


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _parts(path: Path) -> Iterator[bytes]:
    """The bytes of a file in overlapping blocks, unpacked."""
    with path.open("rb") as file:
        yield from _unpacked(file)


def _unpacked(file: IO[bytes]) -> Iterator[bytes]:
    """The same of an open file: gzip, or the names and members of a zip archive, which may be packed themselves."""
    magic = file.read(4)
    file.seek(0)
    if magic == b"PK\x03\x04":
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                yield name.encode("utf-8", "replace")
                with archive.open(name) as member:
                    yield from _unpacked(member)
        return
    with gzip.GzipFile(fileobj=file) if magic[:2] == b"\x1f\x8b" else nullcontext(file) as stream:
        rest = b""
        while block := stream.read(_BLOCK):
            yield rest + block
            rest = block[-512:]
