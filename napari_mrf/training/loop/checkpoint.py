"""State of a training on disk, from which it continues as if it had not been stopped."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import torch
from pydantic import TypeAdapter

from napari_mrf.data import strict_json
from napari_mrf.data.text_files import size_of
from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.atomic import atomic_write
from napari_mrf.training.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor, nn

_MODEL, _BEST, _OPTIMIZER = "model.", "best.", "optimiser."


@dataclass
class Progress:
    """State of a training after an epoch.

    Parameters
    ----------
    epoch : int
        Epochs finished.
    seconds : float
        Spent so far, over all resumptions.
    best_epoch : int
        Epoch of the best validation so far.
    best_r_squared : float
        Its mean R² over the maps.
    history : list of dict
        One row an epoch: loss and validation.
    trained_on : str
        The machine of the latest epoch: processor and cores, or GPU.
    """

    epoch: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_r_squared: float = float("-inf")
    history: list[dict[str, float]] = field(default_factory=list)
    trained_on: str = "unknown"


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    best: dict[str, Tensor],
    progress: Progress,
    recipe: Recipe,
) -> None:
    """Write the state; the earlier one is replaced only when this one is complete."""
    tensors = {_MODEL + key: value for key, value in model.state_dict().items()}
    tensors |= {_BEST + key: value for key, value in best.items()}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"{_OPTIMIZER}{index}.{key}"] = torch.as_tensor(value)
    metadata = {"progress": json.dumps(asdict(progress)), "recipe": recipe.model_dump_json()}
    write_state(path, tensors, metadata)


def write_state(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and texts; an earlier file is replaced only when this one is complete."""
    from safetensors.torch import save

    plain = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    with atomic_write(path) as staged:
        staged.write_bytes(save(plain, metadata))


def read_state(path: Path) -> tuple[dict[str, Tensor], dict[str, str], Recipe]:
    """Return the tensors of a checkpoint, its texts, and the recipe among them.

    Raises
    ------
    MRFInputError
        ``"bad-checkpoint"`` for a broken file.
    """
    from safetensors import safe_open

    with as_bad_checkpoint(path):
        size_of(path)
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        # Read as a recipe: one written before a key existed has that key's default.
        recipe = Recipe.model_validate(strict_json.loads(metadata["recipe"], path=path))
    return tensors, metadata, recipe


@contextmanager
def as_bad_checkpoint(path: Path) -> Iterator[None]:
    """Raise what a damaged checkpoint leads to as ``"bad-checkpoint"``."""
    from safetensors import SafetensorError

    try:
        yield
    except MRFInputError:
        raise
    except (SafetensorError, RuntimeError, LookupError, TypeError, ValueError, OSError) as error:
        raise MRFInputError(
            "bad-checkpoint", "the checkpoint cannot be read", path=path,
            found=reason(error), hint="Start again with --overwrite.",
        ) from None  # fmt: skip


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, recipe: Recipe
) -> tuple[dict[str, Tensor], Progress]:
    """Bring model and optimizer back to where they were; return the best weights and progress.

    Raises
    ------
    MRFInputError
        ``"bad-checkpoint"`` for a broken file, or one of another recipe.
    """
    tensors, metadata, stored = read_state(path)
    if stored.model_dump() != recipe.model_dump():
        raise MRFInputError(
            "bad-checkpoint", "the checkpoint was made with another recipe", path=path,
            hint="Choose another folder, or start again with --overwrite.",
        )  # fmt: skip
    with as_bad_checkpoint(path):
        progress = TypeAdapter(Progress).validate_json(metadata["progress"])
        columns = {frozenset(row) for row in progress.history}
        if len(columns) != (progress.epoch > 0) or any("loss" not in one for one in columns):
            raise ValueError("the course of the training is damaged")
        model.load_state_dict(_part(tensors, _BEST))
        model.load_state_dict(_part(tensors, _MODEL))
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in _part(tensors, _OPTIMIZER).items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = value
        parameters = [one for group in optimizer.param_groups for one in group["params"]]
        for number, values in state.items():
            shape = parameters[number].shape
            if {name: value.shape for name, value in values.items()} != {
                "step": (), "exp_avg": shape, "exp_avg_sq": shape
            }:  # fmt: skip
                raise ValueError("the state of the optimizer does not fit the network")
        optimizer.load_state_dict(
            {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
        )
    return _part(tensors, _BEST), progress


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
