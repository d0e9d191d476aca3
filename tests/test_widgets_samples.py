"""The sample is made step by step, and stops when nobody waits for it."""

import threading
from pathlib import Path

import pytest
from npe2 import PluginManifest

from napari_mrf.widgets.readers import finish
from napari_mrf.widgets.samples import in_steps

ROOT = Path(__file__).parent.parent


def test_progress_of_a_callback_becomes_steps():
    told, seen = threading.Event(), threading.Event()

    def work(progress):
        progress(3, 7)
        told.set()
        seen.wait(10)
        return "folder"

    steps = in_steps(work, "making it")
    next(steps)
    assert told.wait(10)
    step = next(steps)
    assert (step.done, step.total, step.detail) == (3, 7, "making it")
    seen.set()
    assert finish(steps) == "folder"


def test_work_stops_at_its_next_report_when_cancelled():
    started, ended = threading.Event(), threading.Event()

    def work(progress):
        try:
            while True:
                progress(0, 1)
                started.set()
                threading.Event().wait(0.01)
        finally:
            ended.set()

    steps = in_steps(work, "endless")
    next(steps)
    started.wait(10)
    steps.close()
    assert ended.wait(10)


def test_failure_of_the_work_is_raised():
    def work(progress):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        finish(in_steps(work, "failing"))


def test_documents_name_the_menu_entry_as_napari_shows_it():
    manifest = PluginManifest.from_file(ROOT / "napari_mrf" / "napari.yaml")
    (contribution,) = manifest.contributions.sample_data
    entry = f"File > Open Sample > {contribution.display_name} ({manifest.display_name})"
    for document in ("README.md", "docs/guide.md"):
        assert entry in (ROOT / document).read_text(encoding="utf-8"), document
