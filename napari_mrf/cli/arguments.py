"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace earlier results.")]
JsonErrors = Annotated[
    bool, typer.Option("--json-errors", help="Print errors of the input as JSON on stderr.")
]
SequenceName = Annotated[
    str,
    typer.Option("--sequence", "-s", help="t1ff, fisp, fisp-b1, a JSON, a CSV FA,TE,TR, a .seq."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")]


def known_resampling(name: str | None) -> str | None:
    """Refuse a way of resampling that does not exist, as wrong usage."""
    if name not in (None, "nearest"):
        raise typer.BadParameter(f"{name!r} is not known; the only choice is nearest")
    return name


Resample = Annotated[
    str | None,
    typer.Option(
        callback=known_resampling,
        help="nearest: resample labels from another grid; otherwise they are an error.",
    ),
]


Regions = Annotated[
    list[str] | None,
    typer.Option(
        help="Names or numbers of regions, with commas; may be repeated. Default: all of them."
    ),
]
Erosion = Annotated[int, typer.Option(min=0, help="Voxels to remove at the edge of every region.")]
MinVoxels = Annotated[
    int, typer.Option(min=2, help="Fewest valid voxels of a region in a map; else left out.")
]
MinValidShare = Annotated[
    float,
    typer.Option(min=0, max=1, help="Least valid share of a region in a map; else left out."),
]


def region_words(given: list[str] | None) -> tuple[str, ...]:
    """Return the regions that are asked for, one by one."""
    return tuple(word for one in given or () for part in one.split(",") if (word := part.strip()))


AllowMixed = Annotated[
    bool,
    typer.Option(
        "--allow-mixed",
        help="Take subjects together whose maps were made in different ways; else an error.",
    ),
]


def known_unit(name: str) -> str:
    """Refuse a unit of B1 that does not exist, as wrong usage."""
    from napari_mrf.data.b1_map import B1_UNITS

    if name not in B1_UNITS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(B1_UNITS)}")
    return name


def known_form(name: str) -> str:
    """Refuse a form of maps that does not exist, as wrong usage."""
    from napari_mrf.io.maps.forms import FORMS

    if name not in FORMS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(FORMS)}")
    return name


MapsFormat = Annotated[
    str,
    typer.Option(
        "--format",
        callback=known_form,
        help="Form of the maps: nifti, dicom (parametric maps), dicom-mr (images of 16 bits) or "
        "mha.",
    ),
]
KeepPatient = Annotated[
    bool,
    typer.Option(
        "--keep-patient",
        help="Name patient and study of a DICOM series in the DICOM files that are written; "
        "otherwise nobody.",
    ),
]


def known_method(name: str | None) -> str | None:
    """Refuse a method that does not exist, as wrong usage; one without weights says so itself."""
    from napari_mrf import methods
    from napari_mrf.networks.card import is_card_path
    from napari_mrf.networks.zoo import NETWORKS

    is_known = name is None or is_card_path(name) or name in (*methods.names(), *NETWORKS)
    if not is_known:
        names = ", ".join(methods.names())
        raise typer.BadParameter(f"{name!r} is not one of {names}, nor a card of weights (.json)")
    return name


def known_naming(name: str) -> str:
    """Refuse a way of naming maps that does not exist, as wrong usage."""
    from napari_mrf.io.bids.dialects import NAMINGS

    if name not in NAMINGS:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(NAMINGS)}")
    return name


Naming = Annotated[
    str,
    typer.Option(
        callback=known_naming,
        help="Names and folders of the maps: plain, bids (derivatives, T1 and T2 in s) or "
        "ormir-mids.",
    ),
]

SeriesSequence = Annotated[
    str | None,
    typer.Option(
        "--sequence", "-s", help="t1ff, fisp, fisp-b1 or a file. Default: that of the sidecar."
    ),
]
MethodName = Annotated[
    str | None,
    typer.Option("--method", "-m", callback=known_method, help="Method; see napari-mrf methods."),
]
Refine = Annotated[
    bool | None,
    typer.Option(
        "--refine/--no-refine",
        help="Continuous values with standard deviations (default), or the pure grid answer.",
    ),
]
MaskFile = Annotated[Path | None, typer.Option(help="Mask, NIfTI or .npy. Default: automatic.")]
