"""The door people type: `ecoai …`. Commands materialize the same Dagster assets as the UI does."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command of `sys.argv` and end the process with its exit code; Ctrl-C ends it at any moment, also while it loads."""
    from ecoai_pipeline.cli.stop import end, stoppable, teller

    tell = teller(as_json=_is_json(sys.argv[1:]))
    with stoppable(tell):
        try:
            from ecoai_pipeline.cli.app import run

            code = run(sys.argv[1:])
        except KeyboardInterrupt:
            end(tell)
    sys.exit(code)


def _is_json(arguments: list[str]) -> bool:
    """Whether JSON is asked for; known before the arguments are parsed, so that every error has that form."""
    joined = " ".join(arguments)
    return "--json" in arguments or "--format json" in joined or "--format=json" in joined


__all__ = ["main"]
