"""What an `options.yaml` in a folder of the inbox says about the files of that folder and below."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ecoai_pipeline.domain import Industry
from ecoai_pipeline.sources.options import IngestOptions, option_names, plain

_NAMES = ("options.yaml", "options.yml")


class BrokenOptionsError(ValueError):
    """An options file cannot be understood; the files that it applies to must wait."""


def is_options(name: str) -> bool:
    """Whether a file of this name holds options, and never readings."""
    return name.lower() in _NAMES


class FolderOptions:
    """The options of each folder of an inbox; each options file is read once.

    Args:
        inbox: the outermost folder.
        files: the options files below it.
    """

    def __init__(self, inbox: Path, files: Iterable[Path]) -> None:
        self._inbox = inbox
        self._files: dict[Path, list[Path]] = {}
        for path in sorted(files):
            self._files.setdefault(path.parent, []).append(path)
        self._said: dict[Path, dict[str, Any]] = {}

    def of(self, path: Path) -> IngestOptions:
        """The options of a file. Of several folders that state an option the innermost counts.

        A folder named after an industry states the industry; its options file goes before its name.

        Raises:
            BrokenOptionsError: an options file above the file cannot be understood.
        """
        said: dict[str, Any] = {}
        for folder in self._folders(path):
            said |= _industry(folder.name) if folder != self._inbox else {}
            said |= self._in(folder)
        return IngestOptions(**said)

    def files_of(self, path: Path) -> list[str]:
        """Names of the options files that apply to a file, the outermost first."""
        return [self._name(one) for folder in self._folders(path) for one in self._files.get(folder, ())]

    def _folders(self, path: Path) -> list[Path]:
        above = path.parents
        return [folder for folder in reversed(above) if folder == self._inbox or self._inbox in folder.parents]

    def _in(self, folder: Path) -> dict[str, Any]:
        files = self._files.get(folder, [])
        if len(files) > 1:
            raise BrokenOptionsError(f"{self._name(files[1])}: there is {files[0].name}, too; keep one of them")
        if files and folder not in self._said:
            options = _read(files[0], self._name(files[0]))
            self._said[folder] = {name: getattr(options, name) for name in options.model_fields_set}
        return self._said.get(folder, {})

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._inbox))


def _industry(folder: str) -> dict[str, Any]:
    try:
        return {"industry": Industry.parse(folder)}
    except ValueError:
        return {}


def _read(path: Path, name: str) -> IngestOptions:
    """
    Raises:
        BrokenOptionsError: it cannot be read, or states what is no option; the message names file and key.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise BrokenOptionsError(f"{name}: it is a link or a device; put the file itself there")
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8-sig")) or {}
        if not isinstance(stated, dict):
            raise ValueError("it has no lines KEY: VALUE")
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:  # a date that is none is a ValueError of its own
        raise BrokenOptionsError(f"{name}: {_unreadable(error)}; write lines such as decimal: ','") from None
    try:
        return IngestOptions.written({str(key): value for key, value in stated.items()})
    except ValidationError as error:
        raise BrokenOptionsError(f"{name}: {'; '.join(_faults(error))}") from None


def _unreadable(error: Exception) -> str:
    """Why a text is no YAML, with the line where it is known."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1} is no YAML ({error.problem})"
    return " ".join(str(error).split()) or type(error).__name__


def _faults(error: ValidationError) -> Iterator[str]:
    unknown = [repr(fault["loc"][0]) for fault in error.errors() if fault["type"] == "extra_forbidden"]
    for fault in error.errors():
        if fault["type"] != "extra_forbidden":
            key = f"{fault['loc'][0]}: " if fault["loc"] else ""
            yield f"{key}{plain(fault)}"
    if unknown:
        yield f"unknown option {', '.join(unknown)}; known are {', '.join(option_names())}"
