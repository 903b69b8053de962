"""XML from strangers, read as a stream in bounded memory: no document types, no entities, nothing huge, nothing deep."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.parsers import expat

from ecoai_pipeline.sources.reasons import IngestError
from ecoai_pipeline.sources.text import unpacked

CHUNK = 1 << 18
DEEPEST = 64
LONGEST_TOKEN = 4 << 20
LONGEST_TEXT = 1 << 16
MOST_NAMES = 10_000
_HINT = "no Green Button file needs this"


class RefusedError(ValueError):
    """What a handler or a limit refuses, said without the file's name."""


class SafeParser:
    """expat with the doors shut. Handlers are set on `expat`; `held` is where they gather the text of one element.

    expat keeps an unfinished tag or comment whole, every name it has seen, and every element that is open: each of the
    three has a limit. Entities can only be declared in a document type, and a document type is refused.
    """

    def __init__(self, path: Path, file: str) -> None:
        self.path, self.file = path, file
        self.expat = expat.ParserCreate()
        self.expat.StartDoctypeDeclHandler = self._no_doctype
        self.held: list[str] = []

    def run(self, watch: Callable[[], None] = lambda: None) -> None:
        """Parse the file to its end; `watch` is called after every chunk.

        Raises:
            IngestError: it is not well-formed, torn, of an unknown encoding, or beyond a limit.
        """
        fed = 0
        try:
            for chunk in self._chunks():
                self.expat.Parse(chunk, False)
                fed += len(chunk)
                self._check(fed)
                watch()
            self.expat.Parse(b"", True)
        except expat.ExpatError as error:
            cause = f"{expat.ErrorString(error.code)}, line {error.lineno}, column {error.offset + 1}"
            raise IngestError(self.file, f"it is no well-formed XML: {cause}; ask the provider for the whole file again") from error
        except RefusedError as error:
            raise IngestError(self.file, f"line {self.expat.CurrentLineNumber}: {error}") from error
        except (LookupError, ValueError) as error:  # what the codecs of Python say; expat itself knows four encodings
            if isinstance(error, (IndexError, KeyError)):
                raise
            raise IngestError(self.file, f"its XML is in an encoding that is not read ({error}); save it as UTF-8") from error
        watch()

    def _chunks(self) -> Iterator[bytes]:
        with unpacked(self.path, self.file) as (stream, _):
            while chunk := stream.read(CHUNK):
                yield chunk

    def _check(self, fed: int) -> None:
        if fed - self.expat.CurrentByteIndex > LONGEST_TOKEN:
            raise RefusedError(f"a tag or comment is longer than {LONGEST_TOKEN >> 20} MB; {_HINT}")
        if sum(map(len, self.held)) > LONGEST_TEXT:
            raise RefusedError(f"the text of an element is longer than {LONGEST_TEXT >> 10} kB; {_HINT}")
        if len(self.expat.intern) > MOST_NAMES:
            raise RefusedError(f"it has more than {MOST_NAMES:,} different names of elements; {_HINT}")

    @staticmethod
    def _no_doctype(name: str, *_: object) -> None:
        raise RefusedError(f"it declares a document type ({name[:40]}), which could hide entities; {_HINT}; remove it")


def too_deep() -> RefusedError:
    return RefusedError(f"elements stand more than {DEEPEST} deep in each other; {_HINT}")


def is_xml(path: Path) -> bool:
    """Whether the file, unpacked, starts like XML in any encoding that expat knows; a torn gzip file does not."""
    try:
        with unpacked(path, path.name) as (stream, _):
            head = stream.read(256)
    except (IngestError, gzip.BadGzipFile):
        return False
    plain = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"")
    return plain.lstrip().startswith(b"<")
