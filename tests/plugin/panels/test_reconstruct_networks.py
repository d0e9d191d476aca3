"""Networks in the Reconstruct panel: what is offered, what it says of them, and a run by clicks."""

import numpy as np
import pytest
import torch
from gui_waits import answer_next_question
from napari.components import ViewerModel
from network_cases import RANGES, T1FF, disk, install, noisy_slices
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog
from superqt.utils import WorkerBase

from napari_mrf import MRFSeries
from napari_mrf.data import sequences
from napari_mrf.networks import weights
from napari_mrf.networks.architectures.cohen import Cohen
from napari_mrf.networks.card import Metric
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.plugin.dock import ReconstructDock
from napari_mrf.plugin.jobs import JobState
from napari_mrf.plugin.layers import series_layer_data
from napari_mrf.plugin.panels.shared.methods import FROM_FILE, TRAIN
from napari_mrf.plugin.panels.shared.own_weights import OWN_WEIGHTS
from napari_mrf.plugin.session import session_of

SHAPE = (1, 20, 18)


def errors(share):
    return [
        Metric(map=key, sigma=0.00877, mean_absolute_error=share * (high - low),
               mean_relative_error_percent=None, r_squared=0.5)
        for key, (low, high) in RANGES.items()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    install(folder, ["cohen"], metrics=errors(0.02), is_reduced=False)
    install(folder, ["balsiger2018"], metrics=errors(0.05))
    return folder


@pytest.fixture
def viewer(qapp, folder, monkeypatch):
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([folder]))
    viewer = ViewerModel()
    series = MRFSeries(noisy_slices(SHAPE), np.diag([2.0, 2, 8, 1]), T1FF, disk(SHAPE))
    show(viewer, series, "thigh")
    return viewer


def show(viewer, series, name):
    data, attributes, _ = series_layer_data(series, name)
    viewer.add_image(data, **attributes)
    session_of(viewer).set_series(series, name)


@pytest.fixture
def dock(qtbot, viewer):
    dock = ReconstructDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=60_000)
    yield dock
    session_of(viewer).reconstruction.cancel()
    WorkerBase.await_workers(30_000)


@pytest.fixture
def panel(dock):
    return dock.panels["reconstruct"]


def pick(qtbot, picker, name):
    """Open the list and click an entry, as a user does."""
    qtbot.mouseClick(picker, Qt.MouseButton.LeftButton)
    view = picker.view()
    qtbot.waitUntil(view.isVisible)
    index = picker.model().index(picker.findData(name), 0)
    view.scrollTo(index)
    at = view.visualRect(index).center()
    qtbot.mouseMove(view.viewport(), at)

    def click():
        # The list ignores what comes within a double click of its opening.
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
        return not view.isVisible()

    qtbot.waitUntil(click, timeout=20_000)


def offered(picker):
    return [(picker.itemData(at), picker.itemText(at)) for at in range(picker.count())]


def run(qtbot, viewer, panel, timeout=60_000):
    qtbot.mouseClick(panel.run_button, Qt.MouseButton.LeftButton)
    job = session_of(viewer).reconstruction
    qtbot.waitUntil(lambda: not job.status.is_running, timeout=timeout)
    return job.status


def test_networks_stand_under_matchers_and_those_without_weights_under_both(panel):
    names = [name for name, _ in offered(panel.method_picker)]
    texts = [text for _, text in offered(panel.method_picker)]
    matching, networks, missing = (
        texts.index(one) for one in ("Matching", "Networks", "Networks without weights")
    )
    assert matching < names.index("water-fat") < networks
    assert names[networks + 1 : missing] == ["cohen", "balsiger2018"]
    assert set(names[missing + 1 : -2]) == set(NETWORKS) - {"cohen", "balsiger2018"}
    assert texts[-2:] == [FROM_FILE, TRAIN]
    assert "cohen — two dense layers" in texts
    entry = next(text for text in texts if text.startswith("balsiger2018"))
    assert entry.endswith("reduced training · worse than cohen (errors x 2.50)")
    for at in (matching, networks, missing):
        assert not panel.method_picker.model().item(at).isEnabled()
    assert panel.current_method() == "water-fat"


def test_paper_error_noise_and_remarks_of_the_chosen_network_are_read_beneath(qtbot, panel):
    pick(qtbot, panel.method_picker, "balsiger2018")
    assert panel.current_method() == "balsiger2018"
    assert panel.about.text().splitlines() == [
        "Balsiger et al., MLMI 2018",
        "Reduced training",
        "Worse than cohen (errors x 2.50)",
        "Test error FF 0.05, T1H2O 125 ms, T1fat 10 ms, Df 12 Hz, B1 0.045 at noise 0.0088, "
        "trained with noise of 0.003-0.05 of the norm",
    ]
    assert list(panel.options.values()) == ["smooth", "conjugate"]
    pick(qtbot, panel.method_picker, "water-fat")
    assert "error" not in panel.about.text()


def test_network_without_weights_says_what_to_run_and_cannot_be(qtbot, panel):
    pick(qtbot, panel.method_picker, "fang")
    assert not panel.run_button.isEnabled()
    assert panel.needs.isVisible()
    assert panel.needs.text() == (
        "There are no weights for fang yet. Install the larger networks (pip install "
        "napari-mrf[weights]), or train it (napari-mrf train t1ff-fang)."
    )
    pick(qtbot, panel.method_picker, "cohen")
    assert panel.run_button.isEnabled()


def test_only_networks_of_the_sequence_of_the_series_can_run(qtbot, panel, viewer):
    fisp = sequences.fisp()
    rng = np.random.default_rng(0)
    show(viewer, MRFSeries(rng.random((1000, 1, 3, 3)).astype(np.complex64), None, fisp), "head")
    picker = panel.method_picker
    qtbot.waitUntil(lambda: picker.findData("water-fat") < 0, timeout=30_000)
    texts = [text for _, text in offered(picker)]
    assert "Networks" not in texts
    below = texts.index("Networks without weights")
    assert set(NETWORKS) == {name for name, _ in offered(picker)[below + 1 : -2]}
    assert panel.current_method() == "compressed"


@pytest.mark.parametrize("name", ["cohen", "balsiger2018"])
def test_click_gives_maps_of_the_network_as_layers(qtbot, panel, viewer, name):
    pick(qtbot, panel.method_picker, name)
    status = run(qtbot, viewer, panel)
    assert status.state is JobState.DONE, status.failure
    maps = session_of(viewer).maps_sets[name].maps
    np.testing.assert_array_equal(np.isfinite(maps["FF"]), disk(SHAPE))
    assert maps.provenance["method"]["is_reduced"] is (name == "balsiger2018")
    qtbot.waitUntil(lambda: f"{name} · FF" in [layer.name for layer in viewer.layers])


def test_missing_memory_is_one_sentence_in_the_panel(qtbot, panel, viewer, monkeypatch):
    def full(self, fingerprints):
        raise torch.OutOfMemoryError("Tried to allocate 20.00 GiB")

    pick(qtbot, panel.method_picker, "cohen")
    forward = Cohen.forward

    def full_at_work(self, fingerprints):
        # Counting its work needs no memory.
        if fingerprints.device.type == "meta":
            return forward(self, fingerprints)
        return full(self, fingerprints)

    monkeypatch.setattr(Cohen, "forward", full_at_work)
    status = run(qtbot, viewer, panel)
    assert status.state is JobState.FAILED
    assert panel.notice.text() == (
        "there is not enough memory for the network cohen. Close other programs, or use a matcher."
    )


def test_too_few_frames_are_one_sentence_in_the_panel(qtbot, panel, viewer):
    short = MRFSeries(noisy_slices(SHAPE)[:170], np.diag([2.0, 2, 8, 1]))
    object.__setattr__(short, "sequence", T1FF)
    session_of(viewer).set_series(short, "short")
    pick(qtbot, panel.method_picker, "cohen")
    status = run(qtbot, viewer, panel)
    assert status.state is JobState.FAILED
    assert "175" in panel.notice.text()
    assert "170" in panel.notice.text()
    assert "\n" not in panel.notice.text()


def test_weights_that_were_changed_are_one_sentence_in_the_panel(
    qtbot, panel, viewer, folder, tmp_path, monkeypatch
):
    install(tmp_path, ["cohen"])
    path = tmp_path / "t1ff" / "cohen.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    monkeypatch.setattr(weights, "weight_folders", lambda: iter([tmp_path]))
    pick(qtbot, panel.method_picker, "cohen")
    status = run(qtbot, viewer, panel)
    assert status.state is JobState.FAILED
    assert status.failure.error.code == "sha256-mismatch"
    assert panel.notice.text().endswith("Install or train the network again.")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Weights of one's own, that are installed nowhere, as the file that the dialog gives."""
    monkeypatch.setattr(OWN_WEIGHTS, "_cards", {})
    install(tmp_path, ["cohen"], metrics=errors(0.03), is_reduced=False)
    (tmp_path / "t1ff").rename(tmp_path / "mine")
    card = tmp_path / "mine" / "cohen.json"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(card), ""))
    return card


def test_weights_from_a_file_are_used_after_their_card_was_shown(qtbot, panel, viewer, own):
    before = panel.current_method()
    asked = answer_next_question(qtbot, "Cancel")
    pick(qtbot, panel.method_picker, FROM_FILE)
    qtbot.waitUntil(lambda: bool(asked))
    assert panel.current_method() == before and panel.method_picker.findData(str(own)) < 0
    asked = answer_next_question(qtbot, "Use", detail=True)
    pick(qtbot, panel.method_picker, FROM_FILE)
    qtbot.waitUntil(lambda: panel.current_method() == str(own), timeout=60_000)
    for told in ("cohen", "MRF T1-FF, 175 frames", "T1H2O 500 to 3000 ms", "FF 0.03", "Checksum"):
        assert told in asked[1]
    assert panel.method_picker.currentText().startswith("cohen (mine) — ")
    assert "Weights of your own" in panel.about.text()
    assert run(qtbot, viewer, panel).state is JobState.DONE
    maps = session_of(viewer).maps_sets["cohen (mine)"].maps
    assert maps.provenance["method"]["weights_sha256"] in own.read_text()


def test_weights_that_do_not_fit_are_one_sentence(qtbot, panel, own):
    own.write_text(own.read_text().replace(T1FF.fingerprint(), "0" * 64))
    pick(qtbot, panel.method_picker, FROM_FILE)
    qtbot.waitUntil(lambda: panel.notice.text() != "", timeout=60_000)
    assert "another sequence" in panel.notice.text() and "\n" not in panel.notice.text()
    assert panel.current_method() == "water-fat"


def test_a_session_brings_weights_from_a_file_back(qtbot, dock, own):
    binding, panel = dock.bindings["reconstruct"], dock.panels["reconstruct"]
    OWN_WEIGHTS.add(own)
    qtbot.waitUntil(lambda: panel.method_picker.findData(str(own)) >= 0, timeout=60_000)
    pick(qtbot, panel.method_picker, str(own))
    state = binding.state()
    OWN_WEIGHTS._cards.clear()
    binding._list()
    qtbot.waitUntil(lambda: panel.method_picker.findData(str(own)) < 0, timeout=60_000)
    binding.restore(state)
    qtbot.waitUntil(lambda: panel.current_method() == str(own), timeout=60_000)
    own.unlink()
    OWN_WEIGHTS._cards.clear()
    binding._list()
    qtbot.waitUntil(lambda: panel.method_picker.findData(str(own)) < 0, timeout=60_000)
    binding.restore(state)
    qtbot.waitUntil(lambda: "gone" in panel.notice.text(), timeout=60_000)
    assert panel.current_method() == "water-fat"
