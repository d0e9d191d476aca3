"""Which tests need a window."""

import pytest

_OF_A_WINDOW = {"qapp", "make_napari_viewer"}


def pytest_collection_modifyitems(items):
    """Mark the tests that use Qt: they run one after another, the others beside each other."""
    for item in items:
        if _OF_A_WINDOW & set(item.fixturenames):
            item.add_marker(pytest.mark.window)
