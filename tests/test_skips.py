"""In CI a test is skipped for the reasons of a list, or fails."""

from types import SimpleNamespace

import pytest
import skips


def report(reason, **more):
    longrepr = ("tests/test_x.py", 3, f"Skipped: {reason}")
    return SimpleNamespace(outcome="skipped", skipped=True, longrepr=longrepr, **more)


@pytest.fixture
def watched(monkeypatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(skips.sys, "platform", "linux")


def test_missing_library_fails_in_ci(watched):
    refused = skips.refuse(report("could not import 'pypulseq'"))
    assert refused.outcome == "failed"
    assert refused.longrepr.endswith("tests/skips.py: could not import 'pypulseq'")


@pytest.mark.parametrize("reason", sorted(skips.ALLOWED))
def test_reason_of_the_list_stays_a_skip(watched, reason):
    assert skips.refuse(report(reason)).outcome == "skipped"


def test_expected_failure_is_no_skip(watched):
    assert skips.refuse(report("", wasxfail="reason")).outcome == "skipped"


def test_users_may_lack_what_they_like(watched, monkeypatch):
    monkeypatch.delenv("CI")
    assert skips.refuse(report("could not import 'pypulseq'")).outcome == "skipped"
