"""The state of an unfinished training in half the bytes, to be kept in a repository.

Apart from checkpoints, which are exact: a training goes on from one as if it had not been stopped.
One that goes on from here is another one, by the rounding of its weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_mrf.training.loop.checkpoint import read_state, write_state
from napari_mrf.training.run import build

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


def pack(checkpoint: Path, target: Path) -> None:
    """Write the state of a checkpoint in half precision.

    Weights are rounded to float16. The moments of the optimizer get bfloat16: squares of gradients
    lie below the range of float16. Weights that are not trained, and what scales fingerprints and
    maps, stay as they are.

    Raises
    ------
    MRFInputError
        ``"bad-checkpoint"``, and what `build` raises for its recipe.
    """
    tensors, metadata, recipe = read_state(checkpoint)
    network = build(recipe)[1].network
    learned = {key for key, one in network.named_parameters() if one.requires_grad}
    write_state(
        target, {key: _small(key, value, learned) for key, value in tensors.items()}, metadata
    )


def unpack(packed: Path, checkpoint: Path) -> None:
    """Write a checkpoint from what `pack` wrote; ``napari-mrf train`` goes on from there.

    Raises
    ------
    MRFInputError
        ``"bad-checkpoint"``.
    """
    tensors, metadata, _ = read_state(packed)
    whole = {
        key: value.float() if value.is_floating_point() else value for key, value in tensors.items()
    }
    write_state(checkpoint, whole, metadata)


def _small(key: str, value: Tensor, learned: set[str]) -> Tensor:
    part, _, name = key.partition(".")
    if part in ("model", "best") and name.removeprefix("network.") in learned:
        return value.half()
    if name.endswith((".exp_avg", ".exp_avg_sq")):
        return value.bfloat16()
    return value
