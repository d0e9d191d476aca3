"""Where things lie that tests read: the repository, and measured data beside it, if any."""

from pathlib import Path

import pytest
import skips

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"


def needs(path):
    """Mark a test that is skipped where data of `SHARED` are not there."""
    return pytest.mark.skipif(not path.exists(), reason=skips.NO_SHARED_DATA)
