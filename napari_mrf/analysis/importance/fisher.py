"""Fisher information by frame: the share of each frame for every parameter.

The permutation importance tells what a method uses; this, from the simulator's derivatives
alone, tells what there is to be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_mrf.data.parameters import validity_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from napari_mrf.data.sequence import Sequence

# All of them: derivatives of the water-fat model cost the same for one tissue as for a hundred.
_TISSUES_AT_ONCE = 100
_TISSUES_AVERAGED = 100
# As in the Cramér-Rao bound: below this a combination of parameters cannot be told apart.
_SINGULAR = 1e-14


def marginal_shares(jacobian: NDArray[np.complexfloating]) -> NDArray[np.float64]:
    """Return the share of each frame in the information of each parameter.

    Under white noise the information of parameter i, all others being unknown too, is the
    energy of the part of its derivative that no other derivative can imitate::

        j*_i = j_i - (projection of j_i on the real span of the others),
        1 / Var_i = sum over frames of |j*_i|² / σ²

    The sum runs over frames, so every frame has a share: |j*_i(t)|² / sum |j*_i|².

    Parameters
    ----------
    jacobian : ndarray
        (N, Q, T) complex derivatives of the fingerprints of N tissues by Q parameters, those
        of no interest (the parts of M0) among them.

    Returns
    -------
    ndarray
        (N, Q, T) float64, non-negative, of sum 1 over the frames; NaN for a parameter that
        cannot be estimated.
    """
    stacked = np.concatenate([jacobian.real, jacobian.imag], axis=2)
    sizes = np.linalg.norm(stacked, axis=2)
    shares = np.full(jacobian.shape, np.nan)
    for tissue in range(len(jacobian)):
        known = np.flatnonzero(sizes[tissue] > 0)
        rows = stacked[tissue, known] / sizes[tissue, known, None]
        eigenvalues, vectors = np.linalg.eigh(rows @ rows.T)
        if known.size == 0 or eigenvalues[0] < _SINGULAR:
            continue
        # Row i of the inverse information times the derivatives is j*_i over its energy.
        duals = (vectors / eigenvalues) @ vectors.T @ rows
        real, imaginary = np.split(duals, 2, axis=1)
        energy = real**2 + imaginary**2
        shares[tissue, known] = energy / energy.sum(axis=1, keepdims=True)
    return shares


def fisher_shares(
    sequence: Sequence,
    parameters: Mapping[str, ArrayLike],
    *,
    frames: ArrayLike | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the share of every frame in the information of every parameter, tissue by tissue.

    All tissue parameters and the complex M0 are unknown together, as in `crlb`, whose inverse
    square is the sum that is being shared out.

    Parameters
    ----------
    sequence : Sequence
        What is measured.
    parameters : mapping of str to array-like
        (N,) values, as for `crlb`; a few hundred tissues at most.
    frames : array-like of int, optional
        Frames that are used; the others have share 0. All when None.

    Returns
    -------
    dict of str to ndarray
        (N, n_frames) by parameter that the sequence estimates, and ``PD`` (the size of M0)
        where it is one of its maps; NaN where a parameter cannot be estimated.
    """
    from napari_mrf.simulation.cramer_rao import free_parameters, jacobian

    keys = list(free_parameters(sequence))
    if "PD" in sequence.parameters:
        keys.append("PD")  # the derivative by the real part of M0, at real M0
    derivatives = jacobian(sequence, parameters)
    used = np.arange(sequence.n_frames) if frames is None else np.asarray(frames, np.intp)
    shares = np.full((*derivatives.shape[:2], sequence.n_frames), 0.0)
    shares[:, :, used] = marginal_shares(derivatives[:, :, used])
    return {key: shares[:, row] for row, key in enumerate(keys)}


def iter_mean_fisher_shares(
    sequence: Sequence,
    values: Mapping[str, NDArray[np.floating]],
    *,
    frames: ArrayLike | None = None,
) -> Iterator[dict[str, NDArray[np.float64]] | None]:
    """Yield None while computing, then the mean share of every frame over the voxels of maps.

    Every 1/100th of the voxels stands for all. Voxels where a parameter cannot be estimated
    (fat T1 without fat), or where its validity rule does not hold, do not count for it.

    Parameters
    ----------
    sequence : Sequence
        What is measured.
    values : mapping of str to ndarray
        (N,) maps, NaN where there is no value.
    frames : array-like of int, optional
        As in `fisher_shares`.

    Yields
    ------
    dict or None
        (n_frames,) by parameter, of sum 1; NaN where no voxel counts. Empty where the maps do
        not say what the tissue is (off-resonance and B1 may be missing: 0 and 1).
    """
    yield None  # the derivatives load a library first
    from napari_mrf.simulation.cramer_rao import free_parameters

    free = free_parameters(sequence)
    given = {key: np.asarray(values[key], np.float64) for key in free if key in values}
    if set(free) - set(given) - {"Df", "B1"}:
        yield {}
        return
    complete = np.logical_and.reduce([np.isfinite(v) for v in given.values()])
    chosen = np.flatnonzero(complete)[:: max(1, -(-int(complete.sum()) // _TISSUES_AVERAGED))]
    parts: dict[str, list[NDArray[np.float64]]] = {}
    for start in range(0, chosen.size, _TISSUES_AT_ONCE):
        of = chosen[start : start + _TISSUES_AT_ONCE]
        shares = fisher_shares(
            sequence, {key: values[of] for key, values in given.items()}, frames=frames
        )
        for key, found in shares.items():
            parts.setdefault(key, []).append(found)
        yield None
    rules = validity_rules()
    means = {}
    for key, blocks in parts.items():
        rows = np.concatenate(blocks)
        counted = np.isfinite(rows).all(axis=1)
        if key in rules and "FF" in given:
            counted &= rules[key].mask(given["FF"][chosen])
        means[key] = rows[counted].mean(axis=0) if counted.any() else np.full(rows.shape[1], np.nan)
    yield means
