"""The second distribution of weights: built without a network, found once it is there."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from network_cases import RANGES, T1FF, install
from places import REPOSITORY

import napari_mrf as mrf
from napari_mrf.networks import weights
from napari_mrf.networks.card import read_card
from napari_mrf.networks.comparison import error_ratios
from napari_mrf.networks.normalization import Normalization
from napari_mrf.networks.trained import TrainedNetwork
from napari_mrf.networks.weights import installed, larger_networks, load_network, save_network
from napari_mrf.networks.zoo import NETWORKS
from napari_mrf.training import shipping
from napari_mrf.training.evaluation import metrics
from napari_mrf.training.recipe import Recipe
from napari_mrf.training.shipping import LARGEST_BESIDE_THE_CODE, Places, VoxelByVoxel, ship


def recipe(network, kind="random"):
    maps = {key: {"lower": low, "upper": high} for key, (low, high) in RANGES.items()}
    return Recipe.model_validate({"network": network, "maps": maps, "data": {"kind": kind}})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The distribution as it is, and weights of `fc` that nobody trained."""
    copy = tmp_path_factory.mktemp("source") / "weights"
    left_out = shutil.ignore_patterns("build", "*.egg-info", "t1ff", "fisp")
    shutil.copytree(REPOSITORY / "weights", copy, ignore=left_out)
    install(copy / "napari_mrf_weights", ["hoppe"])
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-build-isolation", "--no-deps",
         "--quiet", "--wheel-dir", str(folder), str(copy)],
        check=True,
    )  # fmt: skip
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture
def only_this_package(monkeypatch):
    """As if no other distribution of weights were installed."""
    path = [one for one in sys.path if not (Path(one) / "napari_mrf_weights").is_dir()]
    monkeypatch.setattr(sys, "path", path)
    monkeypatch.delitem(sys.modules, "napari_mrf_weights", raising=False)
    monkeypatch.setattr(weights, "entry_points", lambda group: ())


def test_wheel_holds_weights_cards_and_the_entry_point(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "napari_mrf_weights/t1ff/hoppe.json" in names
    assert "napari_mrf_weights/t1ff/hoppe.safetensors" in names
    (entry,) = [name for name in names if name.endswith("entry_points.txt")]
    assert "[napari_mrf.weights]" in zipfile.ZipFile(wheel).read(entry).decode()


def test_networks_of_an_installed_distribution_are_found(wheel, tmp_path, monkeypatch):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    monkeypatch.delitem(sys.modules, "napari_mrf_weights", raising=False)
    monkeypatch.syspath_prepend(str(site))
    path = installed()["hoppe", T1FF.fingerprint()]
    assert path == site / "napari_mrf_weights" / "t1ff" / "hoppe.json"
    assert "hoppe" in [row.name for row in mrf.methods.available(T1FF)]
    assert mrf.methods.get("hoppe", sequence=T1FF, device="cpu").parameters == T1FF.parameters


def test_without_the_distribution_a_sentence_says_what_to_install(only_this_package, monkeypatch):
    monkeypatch.setattr("napari_mrf.networks.listing.larger_networks", lambda: {"t1ff": ["hoppe"]})
    assert ("hoppe", T1FF.fingerprint()) not in installed()
    with pytest.raises(mrf.MRFInputError) as caught:
        mrf.methods.get("hoppe", sequence=T1FF)
    assert caught.value.code == "missing-weights"
    assert "pip install napari-mrf[weights]" in str(caught.value)


def test_extra_of_the_package_names_the_distribution():
    from importlib.metadata import requires

    assert 'napari-mrf-weights; extra == "weights"' in (requires("napari-mrf") or [])


def shipped_cards():
    folders = (REPOSITORY / "napari_mrf/weights", REPOSITORY / "weights/napari_mrf_weights")
    return [path for folder in folders for path in sorted(folder.glob("*/*.json"))]


@pytest.mark.parametrize(
    "path", shipped_cards(), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_shipped_weights_are_whole_in_place_and_remade_by_a_recipe(path):
    sequence = mrf.sequences.load(path.parent.name)
    _, card = load_network(path, sequence)
    assert card.name == path.stem
    assert card.metrics
    size = path.with_suffix(".safetensors").stat().st_size
    assert (size <= LARGEST_BESIDE_THE_CODE) is ("napari_mrf_weights" not in path.parts)
    recipes = REPOSITORY / "napari_mrf/training/recipes"
    assert (recipes / f"{path.parent.name}-{path.stem}.toml").is_file()


def test_list_of_larger_networks_is_that_of_the_distribution():
    found = {}
    for path in sorted((REPOSITORY / "weights/napari_mrf_weights").glob("*/*.json")):
        found.setdefault(path.parent.name, []).append(path.stem)
    assert larger_networks() == found


@pytest.fixture
def places(tmp_path):
    beside = tmp_path / "package" / "weights"
    beside.mkdir(parents=True)
    return Places(beside, tmp_path / "larger")


@pytest.fixture
def tested(monkeypatch):
    """Test networks on a few tissues; what they are tested on is not in question here."""
    rng = torch.Generator().manual_seed(0)
    signals = torch.randn(500, 175, dtype=torch.complex64, generator=rng)

    def few(recipe, sequence, trained, device):
        with torch.no_grad():
            found = trained(signals).double().numpy()
        return "a few", metrics(list(recipe.maps), truth, found, 0.01)

    truth = 0.7 * torch.rand(500, len(RANGES), generator=rng).double().numpy()
    monkeypatch.setattr(shipping, "test", few)
    return few


def trained_card(folder, name, tested):
    """Write weights that nobody trained, with their card as a training leaves it."""
    given = recipe(name)
    install(folder, [name], recipe=given.model_dump(mode="json"), test_data="a few")
    path = folder / "t1ff" / f"{name}.json"
    trained, card = load_network(path)
    _, rows = tested(given, T1FF, trained, None)
    save_network(path, trained, card.model_copy(update={"metrics": rows}))
    return path


def test_weights_are_shipped_in_half_precision_and_tested_as_stored(tmp_path, places, tested):
    source = trained_card(tmp_path, "cohen", tested)
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    card, path = ship(source, places)
    assert path == places.beside_the_code / "t1ff" / "cohen.json"
    assert card == read_card(path)
    assert card.stored_type == "float16"
    size, full = (one.with_suffix(".safetensors").stat().st_size for one in (path, source))
    assert size < 0.52 * full
    stored, _ = load_network(path, T1FF)
    _, rows = tested(recipe("cohen"), T1FF, stored, None)
    assert card.metrics == rows
    assert rows != read_card(source).metrics
    # The scales of the maps stay what the card says, to the last bit.
    exact, _ = load_network(source)
    for key in ("reference", "lower", "upper"):
        assert torch.equal(getattr(stored.normalization, key), getattr(exact.normalization, key))
    assert hashlib.sha256(source.read_bytes()).hexdigest() == before


def test_weights_that_half_precision_would_harm_stay_as_they_are(tmp_path, places, tested):
    source = trained_card(tmp_path, "cohen", tested)
    trained, card = load_network(source)
    with torch.no_grad():
        trained.network.layers[1].weight.mul_(1e6)  # beyond what half precision holds
        trained.network.layers[3].weight.mul_(1e-6)
    _, rows = tested(recipe("cohen"), T1FF, trained, None)
    save_network(source, trained, card.model_copy(update={"metrics": rows}))
    card, path = ship(source, places)
    assert card.stored_type == "float32"
    assert card.metrics == rows
    for key, value in load_network(path)[0].state_dict().items():
        assert torch.equal(value, trained.state_dict()[key])


def test_larger_weights_go_to_the_other_distribution_and_its_list(
    tmp_path, places, tested, monkeypatch
):
    source = trained_card(tmp_path, "cohen", tested)
    first = ship(source, places)[1]
    monkeypatch.setattr(shipping, "LARGEST_BESIDE_THE_CODE", 100_000)
    _, path = ship(source, places)
    assert path == places.larger / "t1ff" / "cohen.json"
    assert not first.exists()
    assert not first.with_suffix(".safetensors").exists()
    assert json.loads((places.beside_the_code / "larger.json").read_text()) == {"t1ff": ["cohen"]}
    monkeypatch.undo()
    monkeypatch.setattr(shipping, "test", tested)
    assert ship(source, places)[1] == first
    assert not path.exists()
    assert json.loads((places.beside_the_code / "larger.json").read_text()) == {}


def test_image_wise_networks_stand_beside_cohen_on_the_same_phantoms(
    tmp_path, places, tested, monkeypatch
):
    """The phantoms are those of the training; here they are a few voxels."""
    install(tmp_path / "other", ["cohen"])
    monkeypatch.setattr(shipping, "installed", lambda: {
        ("cohen", T1FF.fingerprint()): tmp_path / "other" / "t1ff" / "cohen.json"
    })  # fmt: skip
    rng = torch.Generator().manual_seed(0)
    image = torch.randn(1, 175, 12, 11, dtype=torch.complex64, generator=rng)
    truth = torch.rand(56, len(RANGES), generator=rng).double().numpy()

    def on_phantoms(recipe, sequence, trained, device, sigmas):
        with torch.no_grad():
            found = trained(image).flatten(2)[0].T.double().numpy()
        return "phantoms", metrics(list(recipe.maps), truth, found, 0.01)

    monkeypatch.setattr(shipping, "metrics_on_phantoms", on_phantoms)
    given = recipe("balsiger2018", "phantoms")
    install(tmp_path, ["balsiger2018"], recipe=given.model_dump(mode="json"), test_data="phantoms")
    source = tmp_path / "t1ff" / "balsiger2018.json"
    trained, card = load_network(source)
    rows = on_phantoms(given, T1FF, trained, None, ())[1]
    save_network(source, trained, card.model_copy(update={"metrics": rows}))
    card, _ = ship(source, places)
    beside, _ = load_network(tmp_path / "other" / "t1ff" / "cohen.json")
    voxels = image[:, :, 2:-2, 2:-2].reshape(175, -1).T
    with torch.no_grad():
        expected = metrics(list(given.maps), truth, beside(voxels).double().numpy(), 0.01)
    for found, one in zip(card.plainest_metrics, expected, strict=True):
        assert found.mean_absolute_error == pytest.approx(one.mean_absolute_error, rel=1e-5)
    ratios = error_ratios(card, None)
    assert set(ratios) == set(given.maps)


def test_network_of_fingerprints_over_an_image_is_voxel_by_voxel():
    reference = torch.ones(175, dtype=torch.complex64) / 175**0.5
    normalization = Normalization(reference, [0.0] * 5, [1.0] * 5)
    cohen = TrainedNetwork(NETWORKS["cohen"].build(175, 5), normalization).eval()
    image = torch.randn(2, 175, 7, 6, dtype=torch.complex64)
    with torch.no_grad():
        maps = VoxelByVoxel(cohen, 1)(image)
        expected = cohen(image[1, :, 3, 2][None])[0]
    assert maps.shape == (2, 5, 5, 4)
    torch.testing.assert_close(maps[1, :, 2, 1], expected)
