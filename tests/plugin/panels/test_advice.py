"""What the panel advises after a run: warnings with their cure, and the window for poor fits."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_mrf import MRFSeries, ParameterMaps, methods
from napari_mrf.data import sequences
from napari_mrf.io import load_series
from napari_mrf.phantoms.samples.thigh import SERIES_NAME, sample_directory
from napari_mrf.plugin.dock import ReconstructDock
from napari_mrf.plugin.kit.option_form import OptionForm
from napari_mrf.plugin.panels.reconstruct.advice import LOW_QUALITY, Advice, advice_on
from napari_mrf.plugin.session import MapsSet, session_of
from napari_mrf.plugin.viewer.maps_display import maps_display_of
from napari_mrf.reconstruction.method import MethodOption
from napari_mrf.simulation.simulator import simulate

SHAPE = (1, 4, 5)
EDGE = "T1H2O lies on the edge of its grid in 9 of 20 voxels: a wider grid helps."
SIGN = "The series fits better with the opposite phase sign. Try the option conjugate."


def maps_with(quality=0.99, **provenance):
    values = np.full(SHAPE, quality, np.float32)
    values[0, 0] = np.nan  # outside the mask
    provenance.setdefault("conditioning", {})
    return ParameterMaps({"FF": values / 2}, quality=values, provenance=provenance)


@pytest.fixture(scope="module")
def center_of_the_sample():
    series = load_series(sample_directory() / SERIES_NAME)
    signal = np.ascontiguousarray(np.asarray(series.signal)[:, :, 30:50, 30:60])
    return MRFSeries(signal, None, series.sequence)


@pytest.fixture
def dock(qtbot, viewer):
    dock = ReconstructDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(300, 800)
    dock.show()
    qtbot.waitUntil(dock.panels["reconstruct"].run_button.isEnabled, timeout=30_000)
    return dock


@pytest.fixture
def viewer(qapp):
    viewer = ViewerModel()
    series = MRFSeries(np.ones((175, *SHAPE), np.complex64), None, sequences.t1ff())
    session_of(viewer).set_series(series, "thigh")
    return viewer


def test_good_maps_need_no_advice():
    assert advice_on(maps_with()) == []
    assert advice_on(ParameterMaps({"FF": np.ones(SHAPE)})) == []


def test_poor_fits_suggest_the_window_in_one_sentence():
    (advice,) = advice_on(maps_with(LOW_QUALITY - 0.03))
    assert advice.text == "The median quality is only 0.92, as in undersampled or noisy series."
    assert advice.cure == "Window 25 under More reduces streaks and noise."
    assert (advice.option, advice.value) == ("window", 25)
    assert advice_on(maps_with(LOW_QUALITY + 0.001)) == []


def test_window_is_not_suggested_for_maps_that_it_does_not_mend():
    maps = maps_with(0.75)
    brain = ParameterMaps({"T1": maps["FF"]}, quality=maps.quality, provenance=maps.provenance)
    assert advice_on(brain) == []


@pytest.mark.parametrize("conditioning", [{"window_frames": 25}, None])
def test_window_is_not_suggested_where_it_is_on_or_unknown(conditioning):
    assert advice_on(maps_with(0.5, conditioning=conditioning)) == []


def test_network_is_given_no_advice_that_it_cannot_take():
    assert advice_on(maps_with(0.5, method={"name": "cohen", "weights_sha256": "0" * 64})) == []


def test_options_are_kept_while_a_method_without_them_is_picked(qtbot):
    form = OptionForm()
    qtbot.addWidget(form)
    window = MethodOption("window", "int", 1, "Window", "", limits=(1, 75))
    form.set_options([window])
    form.set_value("window", 25)
    form.set_options([])
    form.set_options([window])
    assert form.values() == {"window": 25}


def test_numbers_of_options_have_no_zeros_at_their_end(qtbot):
    form = OptionForm()
    qtbot.addWidget(form)
    form.set_options([MethodOption("smooth", "float", 0.0, "Smooth", "", limits=(0, 200))])
    shown = {}
    for value in (0.0, 0.5, 0.1234, 100.0):
        form.set_value("smooth", value)
        shown[value] = form.editor("smooth").text()
        assert form.values() == {"smooth": value}
    assert list(shown.values()) == ["0", "0.5", "0.1234", "100"]


def test_warning_that_names_an_option_offers_it_first_and_alone():
    advice = advice_on(maps_with(0.5, warnings=[EDGE, SIGN]))
    assert advice == [Advice(SIGN, "conjugate", True), Advice(EDGE)]


def test_implausible_fit_comes_first_and_averaging_is_no_cure_for_it():
    told = {"code": "implausible-fit", "causes": ["time-reversed"], "voxels": 20,
            "message": "The series fits better with its frames in reverse order."}  # fmt: skip
    advice = advice_on(maps_with(0.5, warnings=[EDGE, told]))
    assert advice == [Advice(told["message"]), Advice(EDGE)]


def test_record_from_a_file_may_hold_anything():
    assert advice_on(maps_with(warnings=None)) == []
    assert advice_on(maps_with(warnings=[1, None, EDGE])) == [Advice(EDGE)]
    assert advice_on(ParameterMaps({}, provenance={"warnings": []})) == []


def test_threshold_tells_undersampled_series_from_fully_sampled_ones(center_of_the_sample):
    matcher = methods.get("water-fat", sequence=center_of_the_sample.sequence)
    undersampled = matcher.reconstruct(center_of_the_sample)
    assert [one.option for one in advice_on(undersampled) if one.option] == ["window"]
    # Fully sampled at 20 dB: noise of 0.00877 in either part on fingerprints of norm 1.
    t1_ms, fraction = np.linspace(700, 1600, 40), np.linspace(0.0, 0.9, 40)
    exact = simulate(
        sequences.t1ff(),
        {"FF": fraction, "T1H2O": t1_ms, "T1fat": np.full(40, 300.0), "Df": np.zeros(40),
         "B1": np.full(40, 0.9)},
    )  # fmt: skip
    exact = np.asarray(exact) / np.linalg.norm(exact, axis=1)[:, None]
    noise = np.random.default_rng(0).normal(scale=0.00877, size=(2, *exact.shape))
    noisy = (exact + noise[0] + 1j * noise[1]).astype(np.complex64)
    series = MRFSeries(noisy.T.reshape(175, 1, 5, 8), None, sequences.t1ff())
    sampled = matcher.reconstruct(series, np.ones((1, 5, 8), bool))
    assert not [one for one in advice_on(sampled) if one.option]


def test_reversed_sign_is_recognized_in_the_words_of_the_engine(center_of_the_sample):
    series = center_of_the_sample
    reversed_series = MRFSeries(series.signal.conj(), None, series.sequence)
    maps = methods.get("water-fat", sequence=series.sequence).reconstruct(reversed_series)
    advice = advice_on(maps)
    assert (advice[0].option, advice[0].value) == ("conjugate", True)
    assert not [one for one in advice if one.option == "window"]


def test_warnings_stand_in_the_section_wrapped_and_selectable(dock, viewer):
    maps_display_of(viewer).add(MapsSet("a", maps_with(warnings=[EDGE, SIGN])))
    panel = dock.panels["reconstruct"]
    shown = panel.results.advice
    assert shown.isVisible()
    assert shown.texts() == [SIGN, EDGE]
    assert [notice.cure_button.isVisible() for notice in shown.notices] == [True, False]
    for notice in shown.notices:
        assert notice._label.text().startswith("⚠")
        assert notice._label.wordWrap()
        assert notice._label.textInteractionFlags() & Qt.TextInteractionFlag.TextSelectableByMouse
        assert notice.mapTo(dock, notice.rect().bottomRight()).x() <= dock.width()
    column = dock._scroll.widget().minimumSizeHint().width()
    assert column + dock._scroll.verticalScrollBar().sizeHint().width() <= 300


def test_advice_follows_the_picked_maps(qtbot, dock, viewer):
    display, results = maps_display_of(viewer), dock.panels["reconstruct"].results
    display.add(MapsSet("a", maps_with(warnings=[EDGE])))
    display.add(MapsSet("b", maps_with()))
    assert results.advice.isHidden()
    results.maps_picker.setCurrentText("a")
    results.maps_picker.textActivated.emit("a")
    assert results.advice.texts() == [EDGE]
    session_of(viewer).remove_maps("a")
    assert results.advice.texts() == []


@pytest.mark.parametrize(
    ("maps", "button", "name", "value"),
    [(maps_with(warnings=[SIGN]), "Conjugate", "conjugate", True),
     (maps_with(0.9), "Window 25", "window", 25)],
)  # fmt: skip
def test_button_sets_the_option_and_the_user_runs_again(
    qtbot, dock, viewer, maps, button, name, value
):
    maps_display_of(viewer).add(MapsSet("a", maps))
    panel = dock.panels["reconstruct"]
    (notice,) = panel.results.advice.notices
    assert notice.cure_button.text() == button
    assert not panel.more.is_open()
    qtbot.mouseClick(notice.cure_button, Qt.MouseButton.LeftButton)
    assert panel.options.values()[name] == value
    assert panel.more.is_open()
    assert not session_of(viewer).reconstruction.status.is_running
    assert notice.text().endswith("This is already set under More: reconstruct again.")
    assert notice.cure_button.isHidden()
    panel.options.set_value(name, not value if value is True else 1)
    assert notice.cure_button.text() == button
    assert not notice.cure_button.isHidden()


def test_without_a_window_the_cure_is_a_method_that_has_one(dock, viewer):
    maps_display_of(viewer).add(MapsSet("a", maps_with(0.9)))
    panel = dock.panels["reconstruct"]
    (notice,) = panel.results.advice.notices
    assert "Window 25 under More" in notice.text()
    picker = panel.method_picker
    picker.setCurrentIndex(picker.findData("cohen"))
    picker.activated.emit(picker.currentIndex())
    assert panel.options.option("window") is None
    assert notice.text().startswith("The median quality is only 0.90")
    assert notice.text().endswith(
        "Pick a matching method, such as water-fat, and Window 25 under More: it reduces streaks "
        "and noise."
    )
    assert notice.cure_button.isHidden()
    picker.setCurrentIndex(picker.findData("water-fat"))
    picker.activated.emit(picker.currentIndex())
    assert "Pick a matching" not in notice.text() and notice.cure_button.isVisible()


def test_option_that_the_method_lacks_has_no_button(dock, viewer):
    warning = "Try the option phlogiston."
    maps_display_of(viewer).add(MapsSet("a", maps_with(warnings=[warning])))
    (notice,) = dock.panels["reconstruct"].results.advice.notices
    assert notice.text() == warning
    assert notice.cure_button.isHidden()
