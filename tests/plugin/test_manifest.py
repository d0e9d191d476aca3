"""The manifest names what exists, and both copies of it are one file."""

import re
from pathlib import Path

import pytest
from npe2 import PluginManifest
from places import REPOSITORY

from napari_mrf import methods
from napari_mrf.plugin.dock import STEPS
from napari_mrf.plugin.preferences import Preferences, preferences


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution("napari-mrf")


def test_both_manifests_are_the_same_file():
    top, packaged = REPOSITORY / "napari.yaml", REPOSITORY / "napari_mrf" / "napari.yaml"
    assert top.read_bytes() == packaged.read_bytes()


def test_every_command_can_be_imported(manifest):
    manifest.validate_imports()


def test_every_contribution_is_there(manifest):
    contributions = manifest.contributions
    assert manifest.name == "napari-mrf"
    assert {widget.display_name for widget in contributions.widgets} == {
        "MRF", *(f"MRF {step.title}" for step in STEPS.values())}  # fmt: skip
    samples = [sample.display_name for sample in contributions.sample_data]
    assert samples == ["Thigh (MRF T1-FF)", "Thigh, raw data (MRF T1-FF)", "Brain (FISP)"]
    patterns = {pattern for reader in contributions.readers for pattern in reader.filename_patterns}
    assert patterns == {"*.nii", "*.nii.gz", "*.npy", "*.npz", "*.h5", "*.hdf5", "*.mat",
                        "*.mrd", "*.dat", "*.cfl", "*.dcm", "*.ima", "*.mha", "*.mhd",
                        "*.mrf.json"}  # fmt: skip
    assert contributions.writers
    assert contributions.menus


def test_preferences_of_the_manifest_are_those_of_the_code(plugin_settings, npe2pm, manifest):
    npe2pm.register(manifest)
    assert preferences() == Preferences()


def test_changed_preferences_are_used_and_kept(plugin_settings, npe2pm, manifest):
    from napari.settings import get_plugin_settings

    npe2pm.register(manifest)
    settings = get_plugin_settings("napari-mrf")
    settings.validity.t1h2o_below = "0.6"
    settings.reconstruct.device = "cpu"
    assert preferences().thresholds == {"T1H2O": 0.6, "T1fat": 0.3}
    assert preferences().device == "cpu"
    assert "t1h2o_below: '0.6'" in Path(settings.config_path).read_text()


def test_preferences_are_the_defaults_where_the_plugin_is_unknown(plugin_settings):
    assert preferences() == Preferences()


def test_preferences_offer_every_method_and_only_devices_that_can_be(manifest, plugin_settings,
                                                                     npe2pm):  # fmt: skip
    from napari.settings import get_plugin_settings

    reconstruct = manifest.contributions.configurations["reconstruct"]
    assert reconstruct.properties["method"].enum == list(methods.names())
    assert {"auto", *(name for name, _ in methods.devices())} <= set(
        reconstruct.properties["device"].enum
    )
    npe2pm.register(manifest)
    settings = get_plugin_settings("napari-mrf")
    with pytest.raises(ValueError, match="is not one of the allowed"):
        settings.reconstruct.method = "watre-fat"
    assert preferences() == Preferences()


def menu_paths(manifest):
    """Return what napari shows for this manifest, as the documents write it."""
    from napari._qt._qplugins import _qnpe2

    paths = set()
    for menu, build in (("File > Open Sample", _qnpe2._build_samples_submenu_actions),
                        ("Plugins", _qnpe2._build_widgets_submenu_actions)):  # fmt: skip
        submenus, actions = build(manifest)
        ((_, submenu),) = submenus
        paths |= {f"{menu} > {submenu.title} > {action.title}" for action in actions}
    return paths


@pytest.mark.parametrize("name", ["README.md", "docs/guide.md", "docs/tutorial.md"])
def test_menu_paths_in_the_documents_are_those_of_the_program(manifest, npe2pm, name):
    npe2pm.register(manifest)
    text = " ".join((REPOSITORY / name).read_text("utf-8").split())
    written = set(re.findall(r"\*((?:File > Open Sample|Plugins) > [^*]+)\*", text))
    assert written
    assert written <= menu_paths(manifest)
