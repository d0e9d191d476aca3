"""The Cramér-Rao bound: how well any unbiased method can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.signal_kinds import SIGNAL_KINDS
from napari_mrf.errors import MRFInputError
from napari_mrf.simulation.models import MODELS
from napari_mrf.simulation.simulator import simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from napari_mrf.data.sequence import Sequence

# Bounds the memory of derivatives: 500 states of 1000 pulses, or 1400 pulses and 7 peaks.
_TISSUES_PER_CHUNK = 512
# Relative; the error of the five-point formula is below 1e-9 of a derivative.
_STEP = 1e-3


def crlb(
    sequence: Sequence,
    parameters: Mapping[str, ArrayLike],
    sigma: ArrayLike,
    *,
    prior_deviation: Mapping[str, float] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the smallest standard deviation of every parameter, M0 being unknown.

    The inverse of the Fisher information of a fingerprint under Gaussian noise, all tissue
    parameters and the complex M0 estimated together. With a prior it is the Bayesian bound at
    the given tissue: information of the data plus precision of the prior.

    Parameters
    ----------
    sequence : Sequence
        What is measured.
    parameters : mapping of str to array-like
        (N,) values of all tissue parameters, as for `simulate`. Parameters that the sequence
        its kind measures are free (`SignalKind.tissue`), others known.
    sigma : array-like
        Noise standard deviation in the real and in the imaginary part of each frame, for
        M0 = ``PD`` (1 when absent); a number, or one per tissue.
    prior_deviation : mapping of str to float, optional
        Standard deviation of a Gaussian prior, by free parameter.

    Returns
    -------
    dict of str to ndarray
        (N,) float64 by free parameter, and of ``PD`` where the sequence measures it; infinite
        where a parameter cannot be estimated (T1fat without fat).

    Raises
    ------
    MRFInputError
        As `simulate`, and ``"bad-parameter"`` for a prior of a parameter that is not free.
    """
    free = free_parameters(sequence)
    unknown = set(prior_deviation or ()) - set(free)
    if unknown:
        raise MRFInputError(
            "bad-parameter",
            f"{', '.join(sorted(unknown))} is not estimated from {sequence.name}",
            expected=", ".join(free),
        )
    values = _spread(sequence, parameters)
    n = len(values[free[0]])
    noise = np.broadcast_to(np.asarray(sigma, np.float64), (n,))
    precision = np.zeros(len(free) + 2)
    for key, deviation in (prior_deviation or {}).items():
        precision[free.index(key)] = deviation**-2
    rows = []
    for start in range(0, n, _TISSUES_PER_CHUNK):
        part = {k: v[start : start + _TISSUES_PER_CHUNK].copy() for k, v in values.items()}
        rows_of_jacobian = _jacobian(sequence, part, free)
        information = (rows_of_jacobian.conj() @ rows_of_jacobian.swapaxes(1, 2)).real
        information /= noise[start : start + _TISSUES_PER_CHUNK, None, None] ** 2
        information[:, range(len(precision)), range(len(precision))] += precision
        rows.append(_deviations(information))
    deviations = np.concatenate(rows)
    # M0 is real here: its real part is its size.
    columns = (*free, "PD") if "PD" in sequence.parameters else free
    return {key: deviations[:, column].copy() for column, key in enumerate(columns)}


def free_parameters(sequence: Sequence) -> tuple[str, ...]:
    """Return the keys of the tissue parameters that a sequence estimates, beside M0."""
    return SIGNAL_KINDS[sequence.kind].tissue


def jacobian(
    sequence: Sequence, parameters: Mapping[str, ArrayLike]
) -> NDArray[np.complexfloating]:
    """Return the derivatives of fingerprints by everything that is estimated from them.

    All tissues are computed at once: hand over a few hundred at most.

    Parameters
    ----------
    sequence : Sequence
        What is measured.
    parameters : mapping of str to array-like
        As for `crlb`.

    Returns
    -------
    ndarray
        (N, P + 2, n_frames) complex128: by each of `free_parameters`, then by the real and the
        imaginary part of M0, at M0 = ``PD``.

    Raises
    ------
    MRFInputError
        As `simulate`.
    """
    free = free_parameters(sequence)
    return _jacobian(sequence, _spread(sequence, parameters), free)


def _spread(
    sequence: Sequence, parameters: Mapping[str, ArrayLike]
) -> dict[str, NDArray[np.float64]]:
    """Return all parameters as (N,) arrays, absent ones that are free at what is assumed."""
    values = {key: np.atleast_1d(np.asarray(v, np.float64)) for key, v in parameters.items()}
    n = max(len(v) for v in values.values())
    values = {key: np.full(n, v[0]) if len(v) == 1 else v.copy() for key, v in values.items()}
    kind = SIGNAL_KINDS[sequence.kind]
    for key in kind.tissue:
        if key in kind.assumed and key not in values:
            values[key] = np.full(n, kind.assumed[key])
    return values


def _jacobian(
    sequence: Sequence, values: dict[str, NDArray[np.float64]], free: tuple[str, ...]
) -> NDArray[np.complexfloating]:
    """Return (n, P + 2, T): by the free parameters, then real and imaginary part of M0."""
    if "Df" not in values and _is_simulated_fast(sequence, values, free):
        return _differences(sequence, values, free)
    n, n_free = len(values[free[0]]), len(free)
    # Tissues do not mix, so copies of them carry the derivatives by one parameter each: one
    # forward pass, without the cost of a map over the parameters at every pulse.
    tensors = {key: torch.from_numpy(np.tile(v, n_free)) for key, v in values.items()}
    scale = tensors.pop("PD", torch.ones(n_free * n, dtype=torch.float64))[:n, None]

    def signal(*arguments: torch.Tensor) -> torch.Tensor:
        tissue = tensors | dict(zip(free, arguments, strict=True))
        return torch.as_tensor(simulate(sequence, tissue, dtype="complex128"))

    point = tuple(tensors[key] for key in free)
    directions = tuple(torch.eye(n_free, dtype=torch.float64).repeat_interleave(n, dim=1))
    copies, derivatives = torch.func.jvp(signal, point, directions)[:2]
    atoms = copies[:n]
    columns = [*(by * scale for by in derivatives.reshape(n_free, n, -1)), atoms, 1j * atoms]
    return np.asarray(torch.stack(columns, dim=1).numpy())


def _is_simulated_fast(
    sequence: Sequence, values: dict[str, NDArray[np.float64]], free: tuple[str, ...]
) -> bool:
    """Whether the compiled simulator takes the tissues and their neighbors."""
    model = MODELS[sequence.kind]
    if not (model.is_differentiated_by_steps and model.is_compiled(sequence)):
        return False
    limits = [(values[key], *PARAMETERS[key].valid_range) for key in free]
    room = 1.0 + 3.0 * _STEP
    # Steps are relative: a value of 0 has none.
    return all(
        bool(np.all((v > 0) & (v >= low * room) & (v * room <= high))) for v, low, high in limits
    )


def _differences(
    sequence: Sequence, values: dict[str, NDArray[np.float64]], free: tuple[str, ...]
) -> NDArray[np.complexfloating]:
    """Return `_jacobian` by differences of the compiled simulator.

    Derivatives through torch are the same numbers and cost many times as much.
    """
    values = dict(values)
    scale = values.pop("PD", np.ones(len(values[free[0]])))[:, None]

    def signal(key: str, steps: int) -> NDArray[np.complex128]:
        moved = values | {key: values[key] * (1.0 + steps * _STEP)}
        return np.asarray(simulate(sequence, moved, dtype="complex128"))

    columns = []
    for key in free:
        near, far = signal(key, 1) - signal(key, -1), signal(key, 2) - signal(key, -2)
        columns.append(scale * (8.0 * near - far) / (12.0 * _STEP * values[key][:, None]))
    atoms = signal(free[0], 0)
    return np.stack([*columns, atoms, 1j * atoms], axis=1)


def _deviations(information: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sqrt of the diagonal of the inverse, infinite where it is singular.

    The information is scaled to unit diagonal first: parameters differ by ten powers of ten.
    """
    scale = np.sqrt(np.diagonal(information, axis1=1, axis2=2))
    deviations = np.full(scale.shape, np.inf)
    for row, (matrix, size) in enumerate(zip(information, scale, strict=True)):
        known = np.flatnonzero(size > 0)
        scaled = matrix[np.ix_(known, known)] / np.outer(size[known], size[known])
        eigenvalues, vectors = np.linalg.eigh(scaled)
        if eigenvalues[0] < 1e-14:
            continue
        variance = np.sum(vectors**2 / eigenvalues, axis=1)
        deviations[row, known] = np.sqrt(variance) / size[known]
    return deviations
