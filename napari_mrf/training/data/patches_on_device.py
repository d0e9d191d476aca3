"""Many patches cut out of many slices at once, where the slices lie in the memory of a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence as Several

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_mrf.training.data.phantom_slices import PhantomSlice

N_TURNS = 8
"""Ways to lay a square on itself: four quarter turns, and the same of its mirror image."""


class PatchesOnDevice:
    """All voxels of all slices in one list, of which a patch is a square of indices.

    Parameters
    ----------
    slices : sequence of PhantomSlice
        What is cut; it stays on the device.
    columns : sequence of int
        Which of their maps are wanted.
    patch : int
        Voxels along an edge of the maps of a patch.
    margin : int
        Voxels that its signals are larger on each side.
    device : torch.device
        Where.
    """

    def __init__(
        self,
        slices: Several[PhantomSlice],
        columns: Several[int],
        *,
        patch: int,
        margin: int,
        device: torch.device,
    ) -> None:
        sizes = [one.inside.size for one in slices]
        self._first = _on(np.cumsum([0, *sizes])[:-1], device)
        self._widths = _on(np.array([one.inside.shape[1] for one in slices]), device)
        self._undersampled = _on(np.array([one.is_undersampled for one in slices]), device)
        n_frames = slices[0].signals.shape[-1]
        self._signals = torch.empty((sum(sizes), n_frames), dtype=torch.complex64, device=device)
        start = 0
        for one, size in zip(slices, sizes, strict=True):
            # A copy: what is mapped from disk cannot be written to, and torch warns of that.
            values = torch.from_numpy(np.array(one.signals).reshape(size, n_frames))
            self._signals[start : start + size] = values.to(device)
            start += size
        maps = [one.maps[..., list(columns)].reshape(-1, len(columns)) for one in slices]
        self._maps = _on(np.concatenate(maps), device)
        self._inside = _on(np.concatenate([one.inside.reshape(-1) for one in slices]), device)
        self._patch = _on(_turned_squares(patch, 0), device)
        self._wide = _on(_turned_squares(patch + 2 * margin, -margin), device)

    def cut(self, places: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return signals, maps, tissue and whether noise is in them.

        Parameters
        ----------
        places : Tensor
            (N, 4) int64: slice, first row and column of the maps, turn.

        Returns
        -------
        tuple of Tensor
            (N, T, H, W), (N, M, h, w), (N, h, w) bool and (N,) bool.
        """
        inner, outer = self._voxels(places, self._patch), self._voxels(places, self._wide)
        return (
            self._signals[outer].movedim(-1, 1),
            self._maps[inner].movedim(-1, 1),
            self._inside[inner],
            self._undersampled[places[:, 0]],
        )

    def _voxels(self, places: Tensor, squares: Tensor) -> Tensor:
        """Return the indices (N, h, w) of the voxels of patches."""
        index, y, x, turn = places.unbind(1)
        rows, columns = squares[turn].unbind(1)
        first, width = self._first[index], self._widths[index]
        spread = (slice(None), None, None)
        return first[spread] + (y[spread] + rows) * width[spread] + x[spread] + columns


def turned(image: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return an image (Y, X, …) after quarter turns, of its mirror image from 4 on."""
    quarter = np.rot90(image, turn % 4)
    return quarter if turn < 4 else quarter[:, ::-1]


def _turned_squares(size: int, first: int) -> NDArray[np.int64]:
    """Return rows and columns (turns, 2, size, size) of the voxels of a square, turned."""
    square = np.moveaxis(np.indices((size, size)) + first, 0, -1)
    turns = [np.moveaxis(turned(square, turn), -1, 0) for turn in range(N_TURNS)]
    return np.ascontiguousarray(np.stack(turns))


def _on(values: NDArray[Any], device: torch.device) -> Tensor:
    return torch.from_numpy(values).to(device)
