"""For which reasons a test may be skipped; with the environment variable CI all others fail.

A library that is missing, or a condition that never holds, would else leave tests out for ever.
"""

import os
import sys

import pytest

NO_GPU = "no CUDA device"
NO_SHARED_DATA = "the shared data are not here"

ALLOWED = {NO_GPU, NO_SHARED_DATA}
"""On Linux with all of the extra ``testing`` and the programs of ``.ci/run``."""


def refuse(report):
    """Turn a skip for another reason into a failure, where skips are watched."""
    is_watched = bool(os.environ.get("CI")) and sys.platform == "linux"
    if not is_watched or not report.skipped or hasattr(report, "wasxfail"):
        return report
    _, _, said = report.longrepr
    reason = said.removeprefix("Skipped: ")
    if reason not in ALLOWED:
        report.outcome = "failed"
        report.longrepr = f"no reason to skip a test, see tests/skips.py: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Look at skips of a test."""
    return refuse((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Look at skips of a whole file."""
    return refuse((yield))
