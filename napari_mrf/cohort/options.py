"""Options that are asked of every subject of a cohort, and one subject's job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_mrf._version import NUMERICS, __version__
from napari_mrf.data import sequences
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_mrf.cohort.description import Subject
    from napari_mrf.data.sequence import Sequence as PulseSequence
    from napari_mrf.io import ScanTarget


@dataclass(frozen=True)
class ReconstructionOptions:
    """How series are read and reconstructed; what is None or absent is left to the files.

    Parameters
    ----------
    sequence : str or None
        Name or file, for subjects whose description has none.
    method : str or None
        That offered first for the sequence where None.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    of_method : mapping
        Options of the method.
    of_series : mapping
        Of `load_series`: ``axes``, ``dataset``, ``phase_unit``, ``average_spokes``, ``frames``.
    of_raw : mapping
        Of `load_raw`: ``measurement``, ``trajectory``, ``trajectory_unit``, ``matrix``.
    images : str or None
        How images are made of raw data: ``"subspace"`` where None.
    of_images : mapping
        Of `making_images`: ``coils``, ``delay_correction``.
    mask, b1 : Path or None
        For subjects whose description has none.
    of_b1 : mapping
        Of `load_b1`: ``unit``, ``resample``.
    form : str
        Of the maps on the disk, as `save_maps` takes it.
    naming : {"plain", "bids", "ormir-mids"}
        Folders and names of the maps: a folder for each subject, or a data set of all.
    keep_patient : bool
        Whether DICOM files name the patient of the source.
    """

    sequence: str | None = None
    method: str | None = None
    device: str = "auto"
    of_method: Mapping[str, Any] = field(default_factory=dict)
    of_series: Mapping[str, Any] = field(default_factory=dict)
    of_raw: Mapping[str, Any] = field(default_factory=dict)
    images: str | None = None
    of_images: Mapping[str, Any] = field(default_factory=dict)
    mask: Path | None = None
    b1: Path | None = None
    of_b1: Mapping[str, Any] = field(default_factory=dict)
    form: str = "nifti"
    naming: str = "plain"
    keep_patient: bool = False


@dataclass(frozen=True)
class Job:
    """One subject to reconstruct: paths and options only, so that it can go to any process.

    Parameters
    ----------
    subject : Subject
        With absolute paths where it goes to another process.
    folder : Path
        For its maps.
    options : ReconstructionOptions
        Those of the cohort.
    overwrite : bool
        Whether maps that were made in another way may be replaced.
    resume : bool
        Keep maps that are just what is asked; without, any earlier maps are in the way.
    target : ScanTarget or None
        Where the maps go in a data set; into the folder where None.
    version, numerics
        Of the software that asks: another one on a worker would mix numbers.
    """

    subject: Subject
    folder: Path
    options: ReconstructionOptions
    overwrite: bool = False
    resume: bool = True
    target: ScanTarget | None = None
    version: str = __version__
    numerics: int = NUMERICS

    @property
    def sequence(self) -> str | None:
        """Name or file of the sequence, where the description or the options say it."""
        return self.subject.sequence or self.options.sequence

    def load_sequence(self) -> PulseSequence | None:
        """Return that sequence; errors of the subject's own one name its series.

        Raises
        ------
        MRFInputError
            As `sequences.load`.
        """
        if self.sequence is None:
            return None
        try:
            return sequences.load(self.sequence)
        except MRFInputError as error:
            if self.subject.sequence is None or error.path is not None:
                raise
            raise error.at(self.subject.series) from None

    @property
    def mask(self) -> Path | None:
        """The mask of the subject, or of all."""
        return self.subject.mask or self.options.mask

    @property
    def b1(self) -> Path | None:
        """The B1 map of the subject, or of all."""
        return self.subject.b1 or self.options.b1
