"""List of the reconstruction methods."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import JsonErrors

if TYPE_CHECKING:
    from napari_mrf.data.sequence import Sequence
    from napari_mrf.reconstruction.method import MethodInfo

_COLUMNS = 100
_HEADINGS = ("name", "kind", "weights", "in vivo", "what")
_WIDTHS = (14, 7, 7, 7)
_INDENT = sum(_WIDTHS) + 2 * len(_WIDTHS)
_OTHERS = "other sequences"


@app.command(name="methods")
def list_methods(
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Also list sources, errors and networks without weights."
        ),
    ] = False,
    scan: Annotated[
        str,
        typer.Option(
            help="Images that the errors on in-vivo maps, and so the order, are of: undersampled, "
            "subspace or noise-only."
        ),
    ] = "undersampled",
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    json_errors: JsonErrors = False,
) -> None:
    """List the reconstruction methods of each sequence.

    Example: napari-mrf methods --verbose
    """
    from napari_mrf.data import sequences
    from napari_mrf.reconstruction.in_vivo import SCANS

    if scan not in SCANS:
        raise typer.BadParameter(f"{scan!r} is not known; the choices are {', '.join(SCANS)}")
    named = [make() for make in sequences.NAMED.values()]
    groups = _groups(named, scan)
    if as_json:
        typer.echo(json.dumps(_records(groups, named), indent=1))
        return
    lines: list[str] = []
    for heading, rows in groups.items():
        lines += [heading, ""]
        if any(scan in row.in_vivo for row in rows):
            lines += [f"The best first on {scan} images of patients (in vivo: errors divided by "
                      "those of matching).", ""]  # fmt: skip
        lines.append(_row(_HEADINGS))
        for info in (row for row in rows if verbose or not row.needs):
            lines += _entry(info, scan, verbose=verbose)
        without = [row.name for row in rows if row.needs]
        if without and not verbose:
            lines += ["", *_wrapped(f"networks without weights (see --verbose): "
                                    f"{', '.join(without)}", 0)]  # fmt: skip
        lines.append("")
    typer.echo("\n".join(lines).rstrip())


def _groups(named: list[Sequence], scan: str) -> dict[str, list[MethodInfo]]:
    """Return rows by heading: published sequences, and others that networks were trained for."""
    from napari_mrf import methods

    everything = methods.available()
    groups = {
        f"{one.name}: {' '.join(one.parameters)}": methods.available(one, scan=scan)
        + methods.missing(one)
        for one in named
    }
    listed = [row for rows in groups.values() for row in rows]
    others = [row for row in everything if row not in listed and row.kind == "network"]
    return groups | ({_OTHERS: others} if others else {})


def _records(groups: dict[str, list[MethodInfo]], named: list[Sequence]) -> list[dict[str, Any]]:
    records = []
    for index, rows in enumerate(groups.values()):
        sequence = named[index] if index < len(named) else None
        for info in rows:
            records.append(
                {
                    "name": info.name,
                    "kind": info.kind,
                    "sequence": None if sequence is None else sequence.name,
                    "maps": None if sequence is None else list(sequence.parameters),
                    "title": info.title,
                    "paper": info.paper,
                    "weights": info.weights,
                    "remarks": list(info.remarks),
                    "details": list(info.details),
                    "in_vivo": {
                        scan: {"ratio_to_matching": found.ratio, "errors": dict(found.errors)}
                        for scan, found in info.in_vivo.items()
                    },
                    "needs": info.needs,
                    "options": [option.name for option in info.options],
                }
            )
    return records


def _entry(info: MethodInfo, scan: str, *, verbose: bool) -> list[str]:
    weights = "missing" if info.needs else (info.weights or "-").partition(",")[0]
    errors = f"x {info.in_vivo[scan].ratio:.2f}" if scan in info.in_vivo else "-"
    what = "; ".join([info.title, *info.remarks])
    first, *more = textwrap.wrap(what, _COLUMNS - _INDENT)
    lines = [
        _row((info.name, info.kind, weights, errors, first)),
        *(" " * _INDENT + one for one in more),
    ]
    if verbose:
        for text in (info.paper, *info.details, info.needs):
            lines += _wrapped(text, _INDENT)
    return lines


def _row(texts: tuple[str, ...]) -> str:
    padded = map(str.ljust, texts, (*_WIDTHS, 0))
    return "  ".join(padded).rstrip()


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, _COLUMNS, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2),
        break_on_hyphens=False,
    )  # fmt: skip
