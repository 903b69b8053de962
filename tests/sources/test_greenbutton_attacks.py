"""XML made to harm: refused with its reason, in bounded memory. The largest are of 100 MB, packed into a small file."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecoai_pipeline.sources.greenbutton.opened import open_espi
from ecoai_pipeline.sources.reasons import IngestError
from tests.sources.given_espi import hourly, put_feed, simple

LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
MB = 1 << 20


def endless(head: str, again: str, count: int) -> Callable[[], Iterator[bytes]]:
    def parts() -> Iterator[bytes]:
        yield head.encode()
        many = max(MB // len(again), 1)
        for _ in range(-(-count // many)):
            yield (again * many).encode()

    return parts


BIG = {
    "tag": (endless("<feed><", "a", 100 * MB), "a tag or comment is longer than 4 MB"),
    "attribute": (endless('<feed><link href="', "a", 100 * MB), "a tag or comment is longer than 4 MB"),
    "attributes": (endless("<feed><link ", "a='' ", 4 * MB), "a tag or comment is longer than 4 MB"),
    "comment": (endless("<feed><!--", "a", 16 * MB), "a tag or comment is longer than 4 MB"),
    "instruction": (endless("<feed><?a ", "a", 16 * MB), "a tag or comment is longer than 4 MB"),
    "text": (endless("<IntervalBlock><IntervalReading><value>", "1", 100 * MB), "the text of an element is longer than 64 kB"),
    "id": (endless("<feed><entry><id>", "1", 16 * MB), "the text of an element is longer than 64 kB"),
    "unread text": (endless("<feed>", "1", 16 * MB), "no well-formed XML"),
    "depth": (endless("", "<a>", 10 * MB), "more than 64 deep"),
    "depth of a block": (endless("<IntervalBlock>", "<a>", 10 * MB), "more than 64 deep"),
    "depth of a reading": (endless("<IntervalBlock><IntervalReading>", "<value>", 10 * MB), "more than 64 deep"),
    "points": (endless("<feed>", "<UsagePoint/>", 2 * MB), "more than 200,000 resources"),
    "line breaks": (endless("<feed>", "\n", 16 * MB), "no well-formed XML"),
}

MEASURE = """
import json, resource, sys
from pathlib import Path
from ecoai_pipeline.sources.greenbutton.opened import open_espi
from ecoai_pipeline.sources.reasons import IngestError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def attacked(path):
    try:
        open_espi(Path(path), "f.xml")
    except IngestError as error:
        return str(error)[:200]
    return "read"

attacked(sys.argv[1])
before = peak()
print(json.dumps([(attacked(path), peak() - before) for path in sys.argv[2:]]))
"""


def test_huge_things_are_refused_in_bounded_memory(tmp_path: Path) -> None:
    """Measured in a process of its own, whose memory before is that of reading an honest file."""
    honest = put_feed(tmp_path / "honest.xml", simple(hourly([1] * 1000)))
    paths = [tmp_path / f"{name}.xml.gz" for name in BIG]
    for path, (parts, _) in zip(paths, BIG.values(), strict=True):
        with gzip.open(path, "wb", compresslevel=1) as out:
            out.writelines(parts())
    done = subprocess.run([sys.executable, "-c", MEASURE, str(honest), *map(str, paths)], capture_output=True, text=True, check=True)
    for (said, grown_mb), (name, (_, expected)) in zip(json.loads(done.stdout), BIG.items(), strict=True):
        assert expected in said, name
        assert grown_mb < 60, name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'<!DOCTYPE feed [<!ENTITY l0 "ha">{LAUGHS}]><feed>&l9;</feed>', "declares a document type"),
        ('<!DOCTYPE feed SYSTEM "file:///etc/passwd"><feed/>', "declares a document type"),
        ('<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/passwd">]><feed>&x;</feed>', "declares a document type"),
        (f'<!DOCTYPE feed [<!ENTITY x "{"a" * 50_000}">]><feed>{"&x;" * 50_000}</feed>', "declares a document type"),
        ('<!DOCTYPE html><html lang="en"></html>', "declares a document type"),
        ("<feed>&x;</feed>", "undefined entity"),
        ("<feed><entry>", "no element found"),
        ("<feed></entry>", "mismatched tag"),
        ("<feed/><feed/>", "junk after document element"),
        ("<feed>\x01</feed>", "not well-formed"),
        ("<feed>" + "".join(f"<a{at}/>" for at in range(20_000)) + "</feed>", "more than 10,000 different names"),
        ('<?xml version="1.0" encoding="nonsense"?><feed/>', "unknown encoding"),
        ('<?xml version="1.0" encoding="euc-kr"?><feed/>', "encoding that is not read"),
    ],
)  # fmt: skip
def test_what_no_green_button_file_needs(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(IngestError, match=said):
        open_espi(put_feed(tmp_path / "f.xml", text), "f.xml")


def test_a_torn_file_is_refused_wherever_it_is_torn(tmp_path: Path) -> None:
    whole = simple(hourly([1, 2, 3]))
    for end in range(1, len(whole) - 1, 37):
        with pytest.raises(IngestError, match="XML"):
            open_espi(put_feed(tmp_path / "f.xml", whole[:end]), "f.xml")


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    opened = open_espi(put_feed(tmp_path / "f.xml", simple(hourly([1]))), "f.xml")
    assert opened.scan.folder.is_dir()
    del opened
    with pytest.raises(IngestError):
        open_espi(put_feed(tmp_path / "f.xml", simple(hourly([1]))[:-20]), "f.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["f.xml"]
