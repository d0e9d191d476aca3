"""Where things lie that tests read: the repository, and measured data beside it, if any."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = REPOSITORY.parent / "shared"
