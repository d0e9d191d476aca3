"""The application that commands register with, and how it ends."""

from __future__ import annotations

import json
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from napari_mrf._version import __version__
from napari_mrf.errors import WRONG_USAGE, MRFInputError

app = typer.Typer(
    name="napari-mrf",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Magnetic resonance fingerprinting: from a measured series to parameter maps.",
    epilog="Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 bad input.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Magnetic resonance fingerprinting: from a measured series to parameter maps."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return ended(app, sys.argv[1:] if arguments is None else arguments, "napari-mrf")


def ended(application: typer.Typer, words: list[str], name: str) -> int:
    """Run an application, say in a line what went wrong, and return the exit code."""
    try:
        application(words, prog_name=name)
    except MRFInputError as error:
        return _tell(error, as_json="--json-errors" in words)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        from napari_mrf.io.atomic import place_error

        refused = place_error(error) if isinstance(error, OSError) else None
        if refused is not None:
            return _tell(refused, as_json="--json-errors" in words)
        text = " ".join(str(error).split())
        typer.echo(f"Internal error: {type(error).__name__}: {text}", err=True)
        return 1
    return 0


def _tell(error: MRFInputError, *, as_json: bool) -> int:
    """Say what is wrong and return the exit code."""
    text = json.dumps({"error": error.as_dict()}) if as_json else f"Error: {error}"
    typer.echo(text, err=True)
    return 2 if error.code in WRONG_USAGE else 3


def run() -> None:
    """Console entry point."""
    settle_streams()
    sys.exit(main())


def settle_streams() -> None:
    """Let the terminal show every name: names of files need not be text in its encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
