"""docs/commands.md has a row for every command, with the first sentence of its help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from ecoai_pipeline.cli.app import app
from ecoai_pipeline.settings import PROJECT


def rows(command: Any, path: str) -> Iterator[str]:
    """A row of Markdown per command, groups opened."""
    for name, child in getattr(command, "commands", {}).items():
        if getattr(child, "commands", None):
            yield from rows(child, f"{path} {name}")
        else:
            yield f"| `{path} {name}` | {first_sentence(child.help or '')} |"


def first_sentence(text: str) -> str:
    sentence = " ".join(text.split("\n\n")[0].split())
    return sentence.replace("|", r"\|")


def test_the_table_of_commands_is_that_of_the_program() -> None:
    written = (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in written if line.startswith("| `ecoai ")]
    assert table == list(rows(typer.main.get_command(app), "ecoai"))
