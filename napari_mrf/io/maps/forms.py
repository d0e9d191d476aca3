"""The forms in which maps are written: one line each in `FORMS`.

A form says how files are called and which function writes one map; names, record, and that all
files or none appear, are the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_mrf.data.maps import ParameterMaps


@dataclass(frozen=True)
class MapsForm:
    """A form of files.

    Parameters
    ----------
    name : str
        Of the option.
    title : str
        What a user reads.
    suffix : str
        Of the files.
    writer : str
        Module of `napari_mrf.io` and function, with a dot; imported when needed.
    is_dicom : bool
        Whether the function takes all slices with name, maps and identity; complex maps become
        two, and slices files of their own where `per_slice`.
    per_slice : bool
        Whether each slice is a file.
    is_rounded : bool
        Whether the files hold less than the maps, so that they are not read back.
    """

    name: str
    title: str
    suffix: str
    writer: str
    is_dicom: bool = False
    per_slice: bool = False
    is_rounded: bool = False

    def volumes(self, volumes: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return what is written, by name: DICOM has no complex numbers."""
        if not self.is_dicom:
            return volumes
        parts: dict[str, NDArray[Any]] = {}
        for name, values in volumes.items():
            if values.dtype.kind == "c":
                parts |= {f"{name}_real": values.real, f"{name}_imaginary": values.imag}
            else:
                parts[name] = values
        return parts

    def files_of(self, name: str, n_slices: int) -> list[str]:
        """Return the names of the files of a map."""
        if self.per_slice:
            return [f"{name}_{z + 1:04d}{self.suffix}" for z in range(n_slices)]
        return [f"{name}{self.suffix}"]

    def write(
        self,
        paths: Sequence[Path],
        name: str,
        values: NDArray[Any],
        maps: ParameterMaps,
        identity: Any = None,
    ) -> None:
        """Write one map.

        Parameters
        ----------
        paths : sequence of Path
            As many as `files_of` names.
        name : str
            Of the map.
        values : ndarray
            (Z, Y, X).
        maps : ParameterMaps
            Those it is one of.
        identity : Dataset, optional
            Who is named in DICOM.
        """
        module, _, function = self.writer.rpartition(".")
        write: Any = getattr(import_module(f"napari_mrf.io.{module}"), function)
        target = list(paths) if self.per_slice else paths[0]
        if self.is_dicom:
            write(target, name, values, maps, identity=identity)
        else:
            write(target, values, maps.affine)


FORMS: dict[str, MapsForm] = {
    one.name: one
    for one in (
        MapsForm("nifti", "NIfTI", ".nii.gz", "formats.nifti_write.write_volume"),
        MapsForm("dicom", "DICOM parametric maps", ".dcm",
                 "dicom.parametric_map.write_parametric_map", is_dicom=True),
        MapsForm("dicom-mr", "DICOM images, 16 bits", ".dcm",
                 "dicom.scaled_images.write_scaled_images", is_dicom=True, per_slice=True,
                 is_rounded=True),
        MapsForm("mha", "MetaImage", ".mha", "formats.metaimage_write.write_volume"),
    )
}  # fmt: skip
"""Every form by the name of its option; the first is the usual one."""


def form_of(name: str) -> MapsForm:
    """Return a form.

    Raises
    ------
    MRFInputError
        ``"bad-option"``.
    """
    if name not in FORMS:
        raise MRFInputError("bad-option", "the form of maps is not known",
                            expected=", ".join(FORMS), found=repr(name))  # fmt: skip
    return FORMS[name]
