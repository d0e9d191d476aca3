"""Which tests need a window; their garbage is collected between them, by the main thread.

Python searches for garbage wherever something is allocated: in a thread that computes, or in the
middle of a paint event. A window that is taken apart there can end the whole run, and where that
happens nobody can foresee. What the package itself does about it is shown by
plugin/jobs/test_garbage.py.
"""

import gc
import os
import tempfile
from functools import partial
from pathlib import Path
from unittest.mock import patch
from weakref import WeakSet

import hypothesis
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QApplication
from skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401

from napari_mrf.plugin.jobs.garbage import GarbageWatch

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# Nothing is compiled beside the tests but in those of the preparation itself.
os.environ.setdefault("NAPARI_MRF_PREPARE", "0")

_OF_A_WINDOW = {"qapp", "make_napari_viewer"}
_PATIENCE_MS = 180_000  # napari compiles for a minute when it first draws
_WATCH = GarbageWatch()


_OWN_FOLDER = tempfile.TemporaryDirectory(prefix="napari-mrf-tests-")


def pytest_configure(config):
    """Leave the settings of the user's napari, and the work kept for the user, alone."""
    get_settings(Path(_OWN_FOLDER.name) / "settings.yaml")  # this path holds from now on
    os.environ["NAPARI_MRF_AUTOSAVE"] = str(Path(_OWN_FOLDER.name) / "autosave")


def pytest_collection_modifyitems(config, items):
    """Mark the tests that use Qt, leave out those of hours, begin with the files that take long.

    Two processes that take file by file would else wait for each other at the end. Long
    simulations and thousands of damaged files only run where ``-m monte_carlo`` or ``-m fuzz``
    asks for them.
    """
    for marker in ("monte_carlo", "fuzz"):
        if marker not in config.getoption("markexpr"):
            left_out = [item for item in items if item.get_closest_marker(marker)]
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]
    for item in items:
        if _OF_A_WINDOW & set(item.fixturenames):
            item.add_marker(pytest.mark.window)
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish():
    _settle()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if _needs_window(item):
        _WATCH.hold()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item, nextitem):
    try:
        return (yield)
    finally:
        if _needs_window(item):
            goes_on = _needs_window(nextitem) and nextitem.path == item.path
            _clear_up(is_last=not goes_on)
            if not _needs_window(nextitem):
                _WATCH.give_back()


def _needs_window(item):
    return item is not None and item.get_closest_marker("window") is not None


@pytest.fixture(autouse=True)
def _no_widget_is_left(request):
    """Fail a window test that passed and left a top-level widget of its own behind."""
    if not _needs_window(request.node):
        yield
        return
    request.getfixturevalue("qapp")
    before = set(QApplication.topLevelWidgets())  # kept, so that a new widget has another address
    yield
    _end_threads_and_windows()
    call = getattr(request.node, "rep_call", None)  # set by napari's own plugin of pytest
    if call is not None and call.passed and _left(before):
        gc.collect()  # what nothing refers to is no leak
        if left := _left(before):
            names = sorted(f"{type(one).__name__} {one.objectName()!r}" for one in left)
            pytest.fail(f"top-level widgets were left behind: {', '.join(names)}", pytrace=False)


def _left(before):
    return [
        one
        for one in set(QApplication.topLevelWidgets()) - before
        if one.parent() is None and type(one).__name__ != "CanvasBackendDesktop"  # vispy keeps it
    ]


def _end_threads_and_windows():
    from superqt.utils import WorkerBase

    WorkerBase.await_workers(_PATIENCE_MS)
    # Without this they are deleted in the event loop of a later test, beside its threads.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _clear_up(*, is_last):
    """Let all threads end, then all windows that are to be deleted, then what they leave."""
    _end_threads_and_windows()
    if is_last:
        _settle()
    else:
        _WATCH.collect()


def _settle():
    """Collect all garbage, and leave what stays, as modules do, out of the searches to come.

    Each would take a third of a second more, and napari's fixture of a viewer makes one a test.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def make_napari_viewer(make_napari_viewer):
    """Close windows as the event loop does: Qt deletes them, and with them their connections.

    napari's fixture only lets Python search for garbage after closing. What a connection of PySide6
    holds, such as a lambda, is unseen by that search and keeps its window until Qt deletes it.
    """
    made = WeakSet()

    def make(*arguments, **options):
        viewer = make_napari_viewer(*arguments, **options)
        made.add(viewer)
        return viewer

    yield make
    for viewer in made:
        if (window := getattr(viewer.window, "_qt_window", None)) is not None:
            with patch.object(window, "_save_current_window_settings"):
                viewer.close()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def qtbot(qtbot, monkeypatch):
    """Wait for as long as a busy machine may take; what never comes fails all the same."""
    for name in ("waitUntil", "waitSignal", "waitExposed", "waitActive"):
        wait = getattr(qtbot, name)
        monkeypatch.setattr(qtbot, name, partial(_wait_patiently, wait))
    return qtbot


def _wait_patiently(wait, what, *, timeout=0, **options):
    if options.get("raising") is False:  # what must not come is waited for as long as it says
        return wait(what, timeout=timeout, **options)
    return wait(what, timeout=max(timeout, _PATIENCE_MS), **options)
