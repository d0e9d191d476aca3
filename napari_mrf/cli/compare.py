"""Compare two reconstructions of one subject, or of a cohort."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from napari_mrf.cli.application import app
from napari_mrf.cli.arguments import (
    AllowMixed,
    JsonErrors,
    MinValidShare,
    MinVoxels,
    Overwrite,
    Regions,
    Resample,
    region_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Literal

    from napari_mrf.analysis.comparison.compare import Comparison


def _known(*names: str) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in names:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(names)}")
        return name

    return check


def _margins(words: list[str]) -> dict[str, float]:
    found = {}
    for word in words:
        key, _, number = word.partition("=")
        try:
            found[key] = float(number)
        except ValueError:
            raise typer.BadParameter(
                f"{word!r} is not MAP=NUMBER, such as T1H2O=30", param_hint="--margin"
            ) from None
    return found


@app.command()
def compare(
    reference: Annotated[Path, typer.Argument(help="Folder of maps, or of subjects' folders.")],
    test: Annotated[
        Path, typer.Argument(help="Folder to compare with it; subjects are matched by name.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")],
    rois: Annotated[
        Path | None,
        typer.Option(
            help="Label map; for subjects a folder with SUBJECT.nii.gz or SUBJECT/labels.nii.gz."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            help="ITK-SNAP label file with names. Default: the .txt beside the label map."
        ),
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(help="Voxels to compare: a file, or a folder as for --rois.")
    ] = None,
    erosion: Annotated[
        int, typer.Option(min=0, help="Voxels to remove at the edge of every region.")
    ] = 0,
    scope: Annotated[
        str,
        typer.Option(
            callback=_known("pooled", "slice"),
            help="Count a region once (pooled) or once per slice (slice).",
        ),
    ] = "pooled",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap over subjects.")] = 0,
    assume_independent: Annotated[
        bool,
        typer.Option(
            "--assume-independent",
            help="Show limits and coefficients that assume independent regions as well.",
        ),
    ] = False,
    design: Annotated[
        str,
        typer.Option(
            callback=_known("methods", "test-retest"),
            help="methods, or test-retest for two scans with one method: adds repeatability.",
        ),
    ] = "methods",
    margin: Annotated[
        list[str] | None,
        typer.Option(
            help="Largest acceptable bias as MAP=NUMBER, in its unit, chosen beforehand; "
            "may be repeated.",
        ),
    ] = None,
    regions: Regions = None,
    min_voxels: MinVoxels = 2,
    min_valid_share: MinValidShare = 0.1,
    resample: Resample = None,
    allow_mixed: AllowMixed = False,
    overwrite: Overwrite = False,
    json_errors: JsonErrors = False,
) -> None:
    """Compare maps by voxel and by region: tables, figures, report.html, report.pdf.

    Writes metrics.csv, rois.csv, inclusion.csv (each region: in the agreement, or why not),
    outliers.csv, agreement.csv, agreement_by_region.csv (several subjects), blurriness.csv,
    figures as SVG and PDF, and comparison.json with the provenance. The difference is
    reference - test everywhere.

    Example: napari-mrf compare maps_a maps_b --rois muscles.nii.gz --output comparison
    """
    from napari_mrf.analysis.comparison.compare import iter_compare
    from napari_mrf.analysis.comparison.options import ComparisonOptions
    from napari_mrf.analysis.comparison.subjects import find_study, side_names
    from napari_mrf.analysis.regions.options import RoiOptions
    from napari_mrf.report.comparison.save import COMPARISON_RESULTS, iter_save

    margins = _margins(margin or [])
    COMPARISON_RESULTS.refuse_earlier(output, overwrite=overwrite)
    study = find_study(
        reference, test, rois=rois, label_table=labels, mask=mask,
        resample=cast("Literal['nearest'] | None", resample), allow_mixed=allow_mixed,
    )  # fmt: skip
    names = side_names(reference, test)
    comparison = _with_bar(
        iter_compare(
            (study.load(subject) for subject in study.folders),
            len(study.folders),
            reference_name=names[0],
            test_name=names[1],
            options=ComparisonOptions(
                RoiOptions(
                    erosion_voxels=erosion,
                    regions=region_words(regions),
                    min_voxels=min_voxels,
                    min_valid_share=min_valid_share,
                ),
                scope,
                seed,
                assume_independent,
                margins,
                design,
                allow_mixed,
            ),
            warnings=study.warnings,
            left_out=study.left_out,
        )
    )
    _with_bar(iter_save(comparison, output, overwrite=overwrite))
    for warning in comparison.warnings:
        typer.echo(warning, err=True)
    typer.echo(_summary(output, comparison))


def _with_bar(steps: Generator[Any, None, Any]) -> Any:
    """Run steps with a progress bar on a terminal and return their result."""
    from tqdm import tqdm

    from napari_mrf.compute.steps import Steps

    work = Steps(steps)
    with tqdm(desc="compare", disable=not sys.stderr.isatty(), bar_format="{desc}") as bar:
        for step in work:
            bar.set_description_str(f"compare: {getattr(step, 'what', step)}")
    return work.result


def _summary(output: Path, comparison: Comparison) -> str:
    from napari_mrf.analysis.agreement.statistics import ONE_REGION

    n = len(comparison.subjects)
    lines = [f"{output}: {n} {'subject' if n == 1 else 'subjects'}, {', '.join(comparison.maps)}"]
    for _, row in comparison.agreement.iterrows():
        unit = f" {row['unit']}" if row["unit"] else ""
        limits = f"limits {row['lower']:.4g} to {row['upper']:.4g}{unit}"
        if math.isnan(row["lower"]):
            limits = f"no limits: {row['message'].split(';')[0]}"
        elif row["basis"] != ONE_REGION:
            limits += f", {row['basis']}"
        lines.append(f"{row['map']:6s} {row['n']} regions, bias {row['bias']:.4g}{unit}, {limits}")
        if row["margin_verdict"]:
            lines[-1] += f"; margin ±{row['margin']:g}{unit}: {row['margin_verdict']}"
        if not math.isnan(row["repeatability"]):
            lines[-1] += f"; repeatability coefficient {row['repeatability']:.4g}{unit}"
    return "\n".join(lines)
