"""Networks as ONNX: run by another program, they give the maps that torch gives."""

import json

import numpy as np
import pytest
from network_cases import N_FRAMES, RANGES, T1FF, install, noisy_slices, tissues

import napari_mrf as mrf
from napari_mrf import MRFInputError
from napari_mrf.cli import main
from napari_mrf.networks import onnx_export
from napari_mrf.networks.onnx_export import export_onnx
from napari_mrf.networks.weights import load_network
from napari_mrf.networks.zoo import NETWORKS

# The others are built of the same layers: fc and fc-fc as blochnet, rnn-rnn as rnn, and so on.
ONE_OF_EACH = ["cohen", "inn", "hoppe", "oksuz", "song", "balsiger2020", "balsiger2018", "fang",
               "rinq", "rnn", "blochnet", "subspacenet"]  # fmt: skip
WIDTHS = np.array([high - low for low, high in RANGES.values()])


def run_onnx(path, signals):
    """Run complex signals (N, T, ...) by onnxruntime."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    parts = np.stack([signals.real, signals.imag], axis=1).astype(np.float32)
    return session.run(["maps"], {"fingerprints": parts})[0], session.get_modelmeta()


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    install(folder, NETWORKS)
    return {path.stem: path for path in folder.rglob("*.json")}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_architecture_gives_what_torch_gives(cards, tmp_path, name):
    import torch

    path = tmp_path / "network.onnx"
    _, difference = export_onnx(cards[name], path)
    assert difference < 1e-4
    if NETWORKS[name].kind == "image":
        signals = noisy_slices((3, 24, 32)).transpose(1, 0, 2, 3)
    else:
        signals = mrf.simulate(T1FF, tissues(9, seed=4))
    trained, card = load_network(cards[name])
    with torch.no_grad():
        expected = trained(torch.from_numpy(signals)).numpy()
    rng = np.random.default_rng(1)
    gain = np.exp(rng.normal(size=len(signals)) + 2j * np.pi * rng.random(len(signals)))
    gain = gain.reshape(-1, *(1,) * (signals.ndim - 1))
    for gains in (1.0, 1e-12 * gain, 1e12 * gain):
        found, meta = run_onnx(path, gains * signals)
        widths = WIDTHS.reshape(1, -1, *(1,) * (signals.ndim - 2))
        np.testing.assert_allclose(found / widths, expected / widths, atol=1e-4, rtol=0)
    assert np.ptp(expected, axis=0).max() > 0
    assert json.loads(meta.custom_metadata_map["napari-mrf"])["name"] == card.name


def test_no_signal_gives_numbers(cards, tmp_path):
    export_onnx(cards["cohen"], tmp_path / "cohen.onnx")
    found, _ = run_onnx(tmp_path / "cohen.onnx", np.zeros((2, N_FRAMES), complex))
    assert np.isfinite(found).all()


def test_a_file_that_gives_other_maps_is_not_written(cards, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "LARGEST_DIFFERENCE", 1e-12)
    with pytest.raises(MRFInputError) as caught:
        export_onnx(cards["cohen"], tmp_path / "cohen.onnx")
    assert caught.value.code == "not-exported"
    assert not list(tmp_path.iterdir())


def test_what_is_not_installed_is_named(cards, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None if name == "onnx" else name)
    with pytest.raises(MRFInputError) as caught:
        export_onnx(cards["cohen"], tmp_path / "cohen.onnx")
    assert caught.value.code == "missing-package" and "napari-mrf[onnx]" in caught.value.hint


def test_command_exports_installed_and_own_weights(cards, tmp_path, capsys):
    for network in ("cohen", str(cards["fc"])):
        path = tmp_path / f"{network[-4:]}.onnx"
        assert main(["export", network, "--output", str(path)]) == 0
        assert path.is_file() and "of what torch gives" in capsys.readouterr().out
        assert main(["export", network, "--output", str(path)]) == 3
        assert main(["export", network, "--output", str(path), "--overwrite"]) == 0
