"""Files of the ROIs panel: label maps and label files are loaded and saved here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.errors import MRFInputError
from napari_mrf.io.labels.carried_record import load_record, record_path, save_record
from napari_mrf.io.labels.label_table import names_path
from napari_mrf.plugin.jobs import Job, JobState, JobStatus, Step
from napari_mrf.plugin.kit.bond import Bond
from napari_mrf.plugin.kit.files.dialogs import ask_open_path
from napari_mrf.plugin.kit.overwriting import ask_save_path
from napari_mrf.plugin.panels.rois.segmenters import SegmenterNumbers
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import Regions, session_of
from napari_mrf.plugin.viewer.opening import series_name
from napari_mrf.rois.label_set import joined, with_unknown_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from napari.components import ViewerModel
    from numpy.typing import NDArray

    from napari_mrf.data.label import Label
    from napari_mrf.io.labels.label_maps import LabelMap
    from napari_mrf.plugin.layers.regions import RegionGrid
    from napari_mrf.plugin.panels.rois.panel import RoisPanel

LABEL_MAPS = "Labels (*.nii.gz *.nii *.mha *.mhd);;All files (*)"
_WRITTEN = "NIfTI (*.nii.gz);;MetaImage (*.mha);;DICOM segmentation (*.dcm);;All files (*)"
_NEAREST = "Use the nearest labels"
LABEL_FILES = "ITK-SNAP labels (*.txt *.label);;All files (*)"


@dataclass(frozen=True)
class LoadedLabels:
    """A label map, and what lies beside it: names, the record of regions that were carried."""

    path: Path
    label_map: LabelMap
    table: Mapping[int, Label] | None
    warnings: tuple[str, ...]
    carried: Mapping[str, Any] | None = None


class RoisFilesBinding:
    """Controller of the buttons and menu entries that read and write files.

    Parameters
    ----------
    viewer : napari viewer
        The viewer with the regions.
    panel : RoisPanel
        The view.
    """

    def __init__(self, viewer: ViewerModel, panel: RoisPanel) -> None:
        self.panel = panel
        self.session = session_of(viewer)
        self.editor = regions_editor_of(viewer)
        self.numbers = SegmenterNumbers(viewer, panel)
        self.loading, self.saving = Job(), Job()
        self._loaded_for = self._saved_for = ""  # subjects
        self._cure: Callable[[], None] | None = None
        self._written = self.session.regions
        panel.load_requested.connect(self._on_load_requested)
        panel.save_requested.connect(self._on_save_requested)
        panel.notice.cure_requested.connect(self._on_cure_requested)
        bond = Bond(panel)
        bond.connect(self.loading.changed, self._on_loading_changed)
        bond.connect(self.loading.succeeded, self._on_loaded)
        bond.connect(self.saving.changed, self._on_saving_changed)
        bond.connect(self.saving.succeeded, self._on_saved)

    def load(self, path: str, *, resample: bool = False) -> None:
        """Show the labels of a file in a layer of their own."""
        grid = self.editor.layers.grid()
        if grid is not None and not self.loading.status.is_running:
            self._loaded_for = self.session.subject.key
            self._cure = None if resample else partial(self.load, path, resample=True)
            self.loading.start(f"Loading {Path(path).name}", read_labels, path, grid, resample)

    def offer_nearest(self, sentence: str, cure: Callable[[], None]) -> None:
        """Say why labels were refused; a click takes the nearest ones."""
        self._cure = cure
        self.panel.notice.say(sentence, cure=_NEAREST)

    def save(self, path: str) -> None:
        """Write the labels and a file with their names; earlier files are replaced."""
        self.editor.flush()
        labels = self.editor.labels()
        if labels is not None and not self.saving.status.is_running:
            path = _as_label_map(path)
            table = [self.editor.table[label] for label in self.editor.slices]
            affine = self.editor.affine()
            regions = self.session.regions
            carried = None if regions is None else regions.carried
            self._written, self._saved_for = self.session.regions, self.session.subject.key
            series = self.session.series
            source = {} if series is None else {
                "input": {"sha256": series.source_sha256, **series.metadata}
            }  # fmt: skip
            self.saving.start("Saving labels", write_labels, path, labels, affine, table, source,
                              carried)  # fmt: skip

    def import_table(self, path: str) -> None:
        """Use the labels of an ITK-SNAP file; if it is faulty, the current list is kept."""
        from napari_mrf.io import load_label_table

        try:
            table = load_label_table(path)
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
            return
        self.panel.notice.clear()
        self.panel.set_picker.setCurrentText("all")
        self.editor.set_table(table)
        missing = [label for label in self.editor.slices if label not in table]
        if missing:
            names = ", ".join(map(str, missing))
            self.panel.notice.say(f"The file has no names for the drawn labels {names}.",
                                  kind="note")  # fmt: skip

    def export_table(self, path: str) -> None:
        """Write the list of labels as an ITK-SNAP file."""
        from napari_mrf.io import save_label_table

        path = _as_label_file(path)
        try:
            save_label_table(path, self.editor.table.values(), overwrite=True)
        except MRFInputError as error:
            self.panel.notice.say(error.sentence())
        else:
            self.panel.notice.say(f"Saved to {path}", kind="note")

    def ask(self, what: str) -> None:
        """Ask for a label file to import or export."""
        if what == "import":
            path = ask_open_path(self.panel, "Import a label file", LABEL_FILES)
            if path:
                self.import_table(path)
        else:
            path = ask_save_path(
                self.panel, "Export a label file", "labels.txt", LABEL_FILES,
                complete=_as_label_file,
            )  # fmt: skip
            if path:
                self.export_table(path)

    def _on_load_requested(self) -> None:
        path = ask_open_path(self.panel, "Load labels", LABEL_MAPS)
        if path:
            self.load(path)

    def _on_save_requested(self) -> None:
        name = f"{self.session.series_name or 'series'}_rois.nii.gz"
        path = ask_save_path(
            self.panel, "Save labels", name, _WRITTEN,
            complete=_as_label_map, written=written_files,
        )  # fmt: skip
        if path:
            self.save(path)

    def _on_cure_requested(self) -> None:
        cure, self._cure = self._cure, None
        if cure is not None:
            cure()

    def _on_loading_changed(self, status: JobStatus) -> None:
        self.panel.load_button.setEnabled(not status.is_running)
        if status.failure is None:
            return
        error, grid = status.failure.error, self.editor.layers.grid()
        can_resample = (
            isinstance(error, MRFInputError)
            and error.code == "other-grid"
            and self._cure is not None
            and grid is not None
            and grid.affine is not None
        )
        self.panel.notice.say(status.failure.sentence, cure=_NEAREST if can_resample else "")

    def _on_loaded(self, loaded: LoadedLabels) -> None:
        table = joined(loaded.table or {}, self.editor.table)
        self._cure = None
        if self._loaded_for != self.session.subject.key:
            self._keep_for_later(loaded, table)
            return
        self.editor.show_labels(loaded.label_map.values, table, name=series_name(loaded.path),
                                carried=loaded.carried)  # fmt: skip
        if not loaded.label_map.resampled:
            self.session.mark_regions_saved(str(loaded.path))
        sentences, cure = [*loaded.warnings], ""
        if loaded.table is None:
            offer = self.numbers.offer(self.editor.slices)
            if offer is None:
                sentences.append("The names come from the current list. If they are different, "
                                 "import a label file, or say whose numbers they are (Edit)."
                                 )  # fmt: skip
            else:
                sentence, self._cure = offer
                sentences.append(sentence)
                cure = "Read them as ours"
        if sentences:
            self.panel.notice.say(" ".join(sentences), kind="note", cure=cure)
        else:
            self.panel.notice.clear()  # what was told of the former regions

    def _keep_for_later(self, loaded: LoadedLabels, table: Mapping[int, Label]) -> None:
        """Give labels to the subject they were loaded for, which is not shown any more."""
        grid, labels = self.session.series_of(self._loaded_for), loaded.label_map.values
        if grid is not None:
            path = "" if loaded.label_map.resampled else str(loaded.path)
            table = with_unknown_labels({k: v for k, v in table.items() if k}, np.unique(labels))
            drawn = {int(one): table[int(one)] for one in np.unique(labels) if one}
            regions = Regions(labels.astype(np.uint16), drawn, path, grid.affine,
                              loaded.carried)  # fmt: skip
            self.session.set_regions(regions, self._loaded_for)

    def _on_saving_changed(self, status: JobStatus) -> None:
        self.panel.save_button.setEnabled(not status.is_running)
        if status.failure is not None and status.state is JobState.FAILED:
            self.panel.notice.say(status.failure.sentence)

    def _on_saved(self, outcome: tuple[str, str]) -> None:
        path, remark = outcome
        # What was drawn since is not in the file.
        is_whole = self.session.regions_of(self._saved_for) is self._written
        if is_whole and _is_read_back(path):
            self.session.mark_regions_saved(path, self._saved_for)
        self.panel.notice.say(f"Saved to {path}. {remark}", kind="note")


def _as_label_map(path: str) -> str:
    from napari_mrf.io.labels.label_maps import LABEL_SUFFIXES

    return path if path.lower().endswith(LABEL_SUFFIXES) else f"{path}.nii.gz"


def _is_read_back(path: str) -> bool:
    """Return whether labels are read from such a file again: a DICOM segmentation is not."""
    return not path.lower().endswith(".dcm")


def _as_label_file(path: str) -> str:
    return path if Path(path).suffix else f"{path}.txt"


def read_labels(path: str, grid: RegionGrid, resample: bool) -> Generator[Step, None, LoadedLabels]:
    """Read a label map onto a grid, and the label file of the same name beside it."""
    from napari_mrf.io import load_label_table, load_labels

    yield Step(detail="reading the file")
    label_map = load_labels(path, grid.shape, grid.affine, resample="nearest" if resample else None)
    if label_map.values.max(initial=0) > 65535:
        raise MRFInputError("bad-labels", "label numbers above 65535 are not supported", path=path,
                            found=str(label_map.values.max()))  # fmt: skip
    yield Step(detail="reading the names")
    beside, table, warnings = names_path(path), None, label_map.warnings
    if beside.is_file():
        try:
            table = load_label_table(beside)
        except MRFInputError as error:
            warnings = (*warnings, error.sentence())
    carried = None
    if record_path(path).is_file():
        try:
            carried = load_record(record_path(path))
        except MRFInputError as error:
            warnings = (*warnings, error.sentence())
    return LoadedLabels(Path(path), label_map, table, warnings, carried)


def write_labels(
    path: str,
    labels: NDArray[np.uint16],
    affine: NDArray[np.float64] | None,
    table: list[Label],
    source: Mapping[str, Any],
    carried: Mapping[str, Any] | None = None,
) -> Generator[Step, None, tuple[str, str]]:
    """Write a label map, and a label file beside it; return the path and a remark.

    A DICOM segmentation refers to the series that the record of a source names, and holds the
    names itself. Beside the map lies the record of regions that were carried from another scan,
    with whether they were edited since.
    """
    from napari_mrf.io import save_label_table, save_labels

    yield Step(detail="writing the file")
    save_labels(path, labels, affine, overwrite=True, provenance=source,
                table={label.index: label for label in table})  # fmt: skip
    if not _is_read_back(path):
        return path, "DICOM segmentations are not read back: save them as NIfTI too."
    if carried is None:
        record_path(path).unlink(missing_ok=True)  # of what was there before
    else:
        from napari_mrf.analysis.registration.carry import labels_sha256

        is_edited = labels_sha256(labels) != carried.get("labels_sha256")
        save_record(record_path(path), {**carried, "edited_since": is_edited})
    beside = names_path(path)
    if beside not in written_files(path):
        return path, f"Names not saved: {beside.name} exists and is not a label file."
    save_label_table(beside, table, overwrite=True)
    return path, f"Names saved to {beside.name}."


def written_files(path: str) -> list[Path]:
    """Return the label map, the label file beside it, and the record of what was carried there.

    A file of another kind than labels is kept.
    """
    from napari_mrf.io import load_label_table

    beside = names_path(path)
    if not _is_read_back(path):
        return [Path(path)]
    if beside.exists():
        try:
            load_label_table(beside)
        except MRFInputError:
            return [Path(path)]
    return [Path(path), beside, *([record_path(path)] if record_path(path).is_file() else [])]
