"""Maps of a scan out: BIDS derivatives, or the folders of ORMIR-MIDS."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.compute.steps import result_of
from napari_mrf.data.maps import FLAGS
from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.errors import MRFInputError
from napari_mrf.io.bids.dataset import describe_dataset, refuse_raw, source_uri
from napari_mrf.io.bids.dialects import (
    DF_ALONE,
    DIALECTS,
    FOREGROUND,
    MAGNITUDE,
    RECORD_SUFFIX,
    REGION_TABLE,
    REGIONS,
    Place,
    factor_of,
)
from napari_mrf.io.bids.names import folder_of, joined, scan_entities
from napari_mrf.io.bids.scan_reader import BLOCK
from napari_mrf.io.bids.scans import find_scans
from napari_mrf.io.formats.nifti_write import write_volume
from napari_mrf.io.labels.label_tsv import format_label_tsv
from napari_mrf.io.maps.writer import COMPANIONS, RECORD_FORMAT
from napari_mrf.io.result_folder import ResultKind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.data.maps import ParameterMaps
    from napari_mrf.io.bids.scans import Scan
    from napari_mrf.io.result_folder import Staged

_ENDS = (".nii.gz", ".json")
_DESCRIPTIONS = {
    "B1": "Relative B1: the flip angle that was played as a part of the nominal one, 1 is nominal",
    "quality": "Correlation of the measurement with the model, 0-1",
    "flags": "Flags of each voxel, bits added up",
    "m0": "Complex scale of the model: gain, receive phase and proton density",
}


@dataclass(frozen=True)
class Regions:
    """Regions of interest that go with maps.

    Parameters
    ----------
    labels : ndarray of int
        (Z, Y, X) on the grid of the maps, 0 is the background.
    table : mapping of int to Label
        Names and colors; a number without any is called after itself.
    statistics : str
        Table of values by region, as the text of a TSV file; none is written where empty.
    """

    labels: NDArray[Any]
    table: Mapping[int, Label] = field(default_factory=dict)
    statistics: str = ""


@dataclass(frozen=True)
class ScanTarget:
    """Where the maps of one series go in a data set.

    Parameters
    ----------
    dataset : Path
        The folder of all subjects.
    entities : mapping of str to str
        Of the scan: ``sub``, ``ses`` …
    naming : {"bids", "ormir-mids"}
        How files are named.
    source : Path or None
        The series, for ``Sources``.
    """

    dataset: Path
    entities: Mapping[str, str]
    naming: str = "bids"
    source: Path | None = None

    @classmethod
    def of(
        cls,
        series: str | Path,
        dataset: str | Path,
        naming: str,
        *,
        subject: str = "",
        session: str = "",
    ) -> ScanTarget:
        """Return where the maps of a series go, by its name; a subject or session goes before it.

        Raises
        ------
        MRFInputError
            ``"bad-name"``; see `scan_entities`.
        """
        series = Path(series)
        entities = scan_entities(series, subject=subject, session=session)
        return cls(Path(dataset), entities, naming, series)

    @property
    def name(self) -> str:
        """What all file names begin with."""
        return joined(dict(self.entities))

    @property
    def folder(self) -> Path:
        """That of the subject or session."""
        return self.dataset / folder_of(dict(self.entities))

    def earlier(self) -> Scan | None:
        """Return the maps of the scan that are there, None where there are none.

        Raises
        ------
        MRFInputError
            As `find_scans`.
        """
        return find_scans(self.folder, 0).get(self.name) if self.folder.is_dir() else None

    @property
    def results(self) -> ResultKind:
        """All files that are made of a series; the record is written last.

        The label map is not one of them: it may be somebody's work of days, and stays where maps
        are written again without regions.
        """
        places = [*DIALECTS[self.naming].values(), DF_ALONE, MAGNITUDE, FOREGROUND]
        stems = [place.stem(self.name) for place in places]
        files = (
            *(f"{stem}{end}" for stem in stems for end in _ENDS),
            f"{REGION_TABLE.stem(self.name)}.tsv",
        )
        home = places[0].folder
        record = f"{home}/{self.name}_{RECORD_SUFFIX}.json"
        return ResultKind(f"maps of {self.name}", record, files, format=RECORD_FORMAT)

    def refuse_earlier(self, *, overwrite: bool, with_regions: bool = False) -> None:
        """Refuse a place that cannot take the maps, before any work.

        Parameters
        ----------
        overwrite : bool
            Whether earlier maps of the scan may be replaced.
        with_regions : bool
            Whether a label map is going to be written.

        Raises
        ------
        MRFInputError
            ``"exists"``, ``"not-a-derivative"``, and as `ResultKind.refuse_earlier`.
        """
        if self.naming == "bids":
            refuse_raw(self.dataset)
        record = self.folder / self.results.record
        if record.is_file() and not overwrite:
            raise MRFInputError("exists", f"the maps of {self.name} are there already", path=record,
                                hint="Choose another folder, or overwrite them (on the command "
                                "line --overwrite).")  # fmt: skip
        stem = REGIONS.stem(self.name)
        names = [f"{stem}{end}" for end in (*_ENDS, ".tsv")] if with_regions else []
        self.results.refuse_earlier(self.folder, overwrite=overwrite, names=names)

    def save(
        self, maps: ParameterMaps, regions: Regions | None = None, *, overwrite: bool = False
    ) -> list[Path]:
        """Write the maps of the scan: all files or none.

        Parameters
        ----------
        maps : ParameterMaps
            T1 and T2 are written in seconds in BIDS, everything else as it is.
        regions : Regions, optional
            Written in BIDS beside the maps: label map, names, and values by region.
        overwrite : bool
            Whether earlier maps of the scan may be replaced.

        Returns
        -------
        list of Path
            What was written, the record last.

        Raises
        ------
        MRFInputError
            ``"no-maps"``, ``"exists"``, ``"not-a-derivative"`` and the codes of failed writes.
        """
        return result_of(self.iter_save(maps, regions, overwrite=overwrite))

    def iter_save(
        self, maps: ParameterMaps, regions: Regions | None = None, *, overwrite: bool = False
    ) -> Generator[str, None, list[Path]]:
        """Do what `save` does; the name of each image is yielded before it is written."""
        if not len(maps):
            raise MRFInputError("no-maps", "there are no maps to save")
        self.refuse_earlier(overwrite=overwrite, with_regions=regions is not None)
        sources: list[str] = []
        links: dict[str, str] = {}
        for file in self._sources(maps):
            uri, link = source_uri(self.dataset, file)
            sources.append(uri)
            links |= link
        if self.naming == "bids":
            describe_dataset(self.dataset, links)
        places = self._places(maps)
        extra = self._derived(maps, regions) if self.naming == "bids" else {}
        texts = self._tables(regions) if self.naming == "bids" and regions is not None else {}
        stems = [place.stem(self.name) for place in (*places.values(), *extra)]
        names = [*(f"{stem}{end}" for stem in stems for end in _ENDS), *texts]
        with self.results.writing(self.folder, names, overwrite=overwrite) as staged:
            for key, place in places.items():
                yield place.stem(self.name)
                _write_map(staged, place.stem(self.name), key, place, maps, sources)
            for place, (values, said) in extra.items():
                stem = place.stem(self.name)
                yield stem
                write_volume(staged[f"{stem}.nii.gz"], values, maps.affine)
                _write_json(staged[f"{stem}.json"], {**said, "Sources": sources})
            for name, text in texts.items():
                staged[name].write_text(text, encoding="utf-8")
            staged.write_record(self._record(maps, places, staged.sums()))
        return staged.paths

    def _sources(self, maps: ParameterMaps) -> list[Path]:
        """Return the series, and the other half of a pair."""
        if self.source is None:
            return []
        read = maps.provenance.get("input")
        pair = read.get("pair") if isinstance(read, dict) else None
        partner = pair.get("partner") if isinstance(pair, dict) else None
        return [self.source, *([Path(partner)] if isinstance(partner, str) else [])]

    def _places(self, maps: ParameterMaps) -> dict[str, Place]:
        names = DIALECTS[self.naming]
        found = [*maps, *(f"{key}_std" for key in maps.uncertainty)]
        found += [key for key in COMPANIONS if getattr(maps, key) is not None]
        places = {key: names[key] for key in found}
        if self.naming == "bids" and "Df" in maps and maps.m0 is None:
            places["Df"] = DF_ALONE
        return places

    def _derived(
        self, maps: ParameterMaps, regions: Regions | None
    ) -> dict[Place, tuple[NDArray[Any], dict[str, Any]]]:
        """Return the images of BIDS that are no maps, with their sidecars."""
        inside = np.any([np.isfinite(values) for values in maps.values()], axis=0)
        said: dict[str, Any] = {"Description": "Voxels with a value in any map", "Type": "ROI"}
        found = {FOREGROUND: (inside.astype(np.uint8), said)}
        if maps.m0 is not None and "Df" in maps:
            found[MAGNITUDE] = (
                np.abs(maps.m0).astype(np.float32),
                {"Description": "Magnitude of the complex scale of the model",
                 "Units": MAGNITUDE.units, "SkullStripped": False},
            )  # fmt: skip
        if regions is not None:
            found[REGIONS] = (regions.labels, {"Description": "Regions of interest"})
        return found

    def _tables(self, regions: Regions) -> dict[str, str]:
        names = {REGIONS: format_label_tsv(regions.labels, regions.table)}
        if regions.statistics:
            names[REGION_TABLE] = regions.statistics
        return {f"{place.stem(self.name)}.tsv": text for place, text in names.items()}

    def _record(
        self, maps: ParameterMaps, places: Mapping[str, Place], sums: Mapping[str, str]
    ) -> dict[str, Any]:
        files = {key: f"{place.stem(self.name)}.nii.gz" for key, place in places.items()}
        return {
            "affine": None if maps.affine is None else maps.affine.tolist(),
            "maps": {key: {"file": file, "sha256": sums[file]} for key, file in files.items()},
            "provenance": maps.provenance,
        }


def _write_map(
    staged: Staged, stem: str, key: str, place: Place, maps: ParameterMaps, sources: Iterable[str]
) -> None:
    parameter = PARAMETERS.get(key.removesuffix("_std"))
    said: dict[str, Any] = {"Description": _description(key)}
    block: dict[str, Any] = {"Key": key}
    if parameter is None:
        values = getattr(maps, key)
        if key == "flags":
            block["Bits"] = FLAGS
    else:
        values = maps.uncertainty[key[:-4]] if key.endswith("_std") else maps[key]
        factor = factor_of(key, place.units) or 1.0
        if factor != 1.0:
            values = (values.astype(np.float64) / factor).astype(np.float32)
        said["Units"] = place.units
        if parameter.validity is not None:
            block["ValidWhere"] = parameter.validity.describe()
    write_volume(staged[f"{stem}.nii.gz"], values, maps.affine)
    block["Provenance"] = maps.provenance
    said |= {"SkullStripped": False, "Sources": list(sources), BLOCK: block}
    _write_json(staged[f"{stem}.json"], said)


def _description(key: str) -> str:
    parameter = PARAMETERS.get(key.removesuffix("_std"))
    if key in _DESCRIPTIONS or parameter is None:
        return _DESCRIPTIONS[key]
    return parameter.label + (", standard deviation" if key.endswith("_std") else "")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
