"""Sample data of *File > Open Sample*: simulated series with known maps, made on first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

import napari
from qtpy.QtCore import QEventLoop, QTimer

from napari_mrf.compute.steps import result_of
from napari_mrf.plugin.jobs import JobState, Step, in_steps
from napari_mrf.plugin.layers import SERIES_KEY, series_of
from napari_mrf.plugin.layers.closeup.region_look import show_outlined
from napari_mrf.plugin.layers.raw_preview import preview_layer_data
from napari_mrf.plugin.readers import open_dock
from napari_mrf.plugin.regions.editor import regions_editor_of
from napari_mrf.plugin.session import session_of
from napari_mrf.plugin.viewer.opening import OpenedSeries, opener_of, read_series
from napari_mrf.plugin.viewer.raw.work import RawFile, first_look, read_raw
from napari_mrf.rois.label_set import joined
from napari_mrf.rois.muscles import default_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari import Viewer

    from napari_mrf.data.series import MRFSeries

    LayerData = tuple[Any, dict[str, Any], str]

_TISSUES = "brain tissues"


def thigh() -> list[LayerData]:
    """Return the layer of the thigh sample (MRF T1-FF); see `opened`."""
    return opened("thigh", read_thigh)


def brain() -> list[LayerData]:
    """Return the layers of the brain sample (FISP): the series, see `opened`, and its tissues.

    The layer of the tissues is hidden; the ROIs and Compare panels use them as regions.
    """
    layers = opened("brain", read_brain)
    viewer, series = napari.current_viewer(), layers[0][1]["metadata"][SERIES_KEY]
    if viewer is not None:
        # napari adds the layers once this has returned.
        QTimer.singleShot(0, partial(_use_tissues, ref(viewer)))
    return [*layers, tissues(series)]


def raw_thigh() -> list[LayerData]:
    """Open the thigh sample as raw data; return a first look at it as a layer.

    The layer is the mean over time without regard to coils and undersampling, and gives way to
    the images that are made in the Series panel.
    """
    return opened("raw thigh", read_raw_thigh)


def tissues(series: MRFSeries) -> LayerData:
    """Return the layer of the labels in the folder of a sample."""
    from napari_mrf.io import load_label_table, load_labels
    from napari_mrf.phantoms.files import LABELS_NAME, ROIS_NAME
    from napari_mrf.plugin.layers.regions import RegionGrid, regions_layer_data

    if series.source_path is None:
        raise ValueError("a sample is read from a file")
    folder = Path(series.source_path).parent
    labels = load_labels(folder / ROIS_NAME, series.spatial_shape, series.affine)
    named = load_label_table(folder / LABELS_NAME)
    table = joined({number: one for number, one in named.items() if number}, default_labels())
    grid = RegionGrid.of_series(series)
    data, attributes, kind = regions_layer_data(grid, table, labels.values, _TISSUES)
    return data, {**attributes, "visible": False}, kind


def _use_tissues(alive: ref[Viewer]) -> None:
    from napari_mrf.phantoms.files import ROIS_NAME

    viewer = alive()
    if viewer is None:
        return
    found = [layer for layer in viewer.layers if layer.name.startswith(_TISSUES)]
    editor = regions_editor_of(viewer)
    if found and editor.layer is editor.gone.labels is None:  # what the user has drawn goes on
        show_outlined(found[-1], True)
        editor.use_layer(found[-1])
        sample = session_of(viewer).series
        if sample is not None and sample.source_path:  # they are in a file
            rois = Path(sample.source_path).parent / ROIS_NAME
            session_of(viewer).mark_regions_saved(str(rois))
    series = [layer for layer in viewer.layers if series_of(layer) is not None]
    if series:
        viewer.layers.selection.active = series[-1]  # as with the other sample


@dataclass(frozen=True, eq=False)
class RawSample(RawFile):
    """A raw sample with a first look at it, (Z, Y, X); napari takes no sample without a layer."""

    look: Any = None

    def layer_data(self) -> LayerData:
        """Return the napari layer data tuple of the look."""
        affine = None if self.raw is None else self.raw.affine
        return preview_layer_data(self.look, affine, self.series_name)

    def layer_data_for(self, _: Any) -> LayerData:
        """Return the same for a viewer."""
        return self.layer_data()


Sample = OpenedSeries | RawSample


def opened(name: str, read: Callable[[], Generator[Step, None, Sample]]) -> list[LayerData]:
    """Read a sample in the background and return its layer.

    napari wants the layer when this function returns, so it waits for the job in an event
    loop of its own: the window stays alive, shows the progress and can cancel.

    Parameters
    ----------
    name : str
        Name of the sample, for messages.
    read : callable
        Generator function that finds or makes the sample and reads it.

    Raises
    ------
    RuntimeError
        When the user cancelled, or the sample is open already.
    """
    viewer = napari.current_viewer()
    if viewer is None:
        return [result_of(read()).layer_data()]
    open_dock(viewer)
    opener = opener_of(viewer)
    results: list[Sample] = []
    loop = QEventLoop()
    opener.wait_for(f"Opening the {name} sample", read, results.append, loop.quit)
    if opener.job.status.is_running:
        loop.exec()
    status = opener.job.status
    if status.state is JobState.FAILED and status.failure is not None:
        raise status.failure.error
    if not results:
        raise RuntimeError(f"Opening the {name} sample was cancelled.")
    sample = results[0]
    if isinstance(sample, OpenedSeries) and opener.shows_already(sample):
        # napari takes no empty list for an answer
        raise RuntimeError(f"The {name} sample is open already; it is shown now.")
    return [sample.layer_data_for(viewer)]


def read_thigh() -> Generator[Step, None, OpenedSeries]:
    """Find or make the thigh sample and read it, in steps."""
    from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory

    directory = yield from in_steps(sample_directory, "steps, made on first use")
    return (yield from read_series(directory / SERIES_NAME))


def read_brain() -> Generator[Step, None, OpenedSeries]:
    """Find or make the brain sample and read it, in steps."""
    from napari_mrf.phantoms.samples.brain import BRAIN_SERIES_NAME, brain_sample_directory

    directory = yield from in_steps(brain_sample_directory, "steps, made on first use")
    return (yield from read_series(directory / BRAIN_SERIES_NAME))


def read_raw_thigh() -> Generator[Step, None, RawSample]:
    """Find or make the raw thigh sample and read it, in steps."""
    from napari_mrf.phantoms.samples.thigh import RAW_THIGH_NAME, raw_sample_directory

    directory = yield from in_steps(raw_sample_directory, "steps, made on first use")
    file = yield from read_raw(directory / RAW_THIGH_NAME)
    yield Step(detail="looking at it")
    look = None if file.raw is None else first_look(file.raw)
    return RawSample(**vars(file), look=look)
