"""What tests of the window wait for."""

from napari_mrf.widgets.layer_turns import layer_turns_of


def wait_for_layers(qtbot, viewer):
    """Let all layers come and go that are to come and go, each in its turn."""
    qtbot.waitUntil(lambda: not layer_turns_of(viewer).owners, timeout=60_000)
