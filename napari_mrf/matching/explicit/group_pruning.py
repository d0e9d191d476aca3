"""How groups of atoms are pruned, and what a reader should know where that loses some."""

from __future__ import annotations

from typing import Any

from napari_mrf.errors import MRFInputError

PRUNINGS = ("bound", "threshold")


PUBLISHED_MARGIN = 0.005


def check_pruning(groups: int, pruning: str, margin: float) -> None:
    """Refuse numbers of groups, prunings and margins that cannot be."""
    if pruning not in PRUNINGS:
        raise MRFInputError(
            "unknown-option",
            f"there is no pruning {pruning!r}",
            expected=" or ".join(PRUNINGS),
        )
    if groups != int(groups) or groups < 0:
        raise MRFInputError(
            "bad-option",
            "the number of groups is impossible",
            expected="1 or more, or 0 for a number that suits",
            found=groups,
        )
    if not 0.0 <= margin < 1.0:
        raise MRFInputError(
            "bad-option",
            "the margin of pruning is no share",
            expected="0 or more, below 1",
            found=margin,
        )


def what_was_lost(agreement: dict[str, Any]) -> list[str]:
    """Return a sentence where pruning lost the best atom of sampled voxels."""
    lost = agreement["voxels"] - agreement["same_atom"]
    if not lost:
        return []
    return [
        f"Pruning by threshold lost the best atom in {lost:,} of {agreement['voxels']:,} sampled "
        f"voxels ({100 * lost / agreement['voxels']:.2g} %), and with it up to "
        f"{agreement['largest_loss_of_correlation']:.2g} of correlation. Pruning by bound loses "
        "none."
    ]
