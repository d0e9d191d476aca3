"""The public simulator: tissue parameters in, checked; fingerprints out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_mrf.data.parameters import PARAMETERS, Parameter
from napari_mrf.data.signal_kinds import AMPLITUDE, SIGNAL_KINDS
from napari_mrf.errors import MRFInputError
from napari_mrf.simulation.models import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, DTypeLike, NDArray
    from torch import Tensor

    from napari_mrf.data.sequence import Sequence

# Bounds the float64 intermediates of a large dictionary: 4096 x 1000 pulses x 8 bytes = 33 MB.
_ATOMS_PER_CHUNK = 4096


def simulate(
    sequence: Sequence,
    parameters: Mapping[str, ArrayLike | Tensor],
    *,
    device: str | torch.device | None = None,
    dtype: DTypeLike | torch.dtype = "complex64",
    n_states: int | None = None,
) -> Any:
    """Return the fingerprints of tissues, one per row.

    Computed in float64 and then rounded to `dtype`; in float32 on devices without float64
    (MPS). Signs, order of events and limits are in ``docs/physics.md``.

    Parameters
    ----------
    sequence : Sequence
        Of any kind of `SIGNAL_KINDS`.
    parameters : mapping of str to array-like or Tensor
        One-dimensional arrays of one length N; scalars spread. Spoiled: ``FF`` (0-1),
        ``T1H2O`` and ``T1fat`` (ms). FISP: ``T1`` and ``T2`` (ms). All: ``Df`` (Hz, 0 when
        absent), ``B1`` (relative, 1 when absent), ``PD`` (scale of the signal, 1 when absent).
        Ranges are those of `napari_mrf.PARAMETERS`.
    device : str or torch.device, optional
        Where to compute; by default where the tensors are, and the CPU for arrays.
    dtype : str or dtype
        ``"complex64"`` or ``"complex128"``, also as a numpy or torch dtype.
    n_states : int, optional
        FISP only: keep the orders 0 … n_states - 1 of the extended phase graph. By default all
        that can reach an echo are kept, which is exact.

    Returns
    -------
    ndarray or Tensor
        (N, n_frames) complex. A tensor if any parameter is one, differentiable in each of
        them; an array otherwise.

    Raises
    ------
    MRFInputError
        For parameters that are missing, unknown, not numeric, not finite, out of range or of
        different lengths, and for an unusable device, dtype or number of states.

    Examples
    --------
    >>> import napari_mrf as mrf
    >>> signal = mrf.simulate(mrf.sequences.fisp(), {"T1": [800.0, 1200.0], "T2": 60.0})
    >>> signal.shape
    (2, 1000)
    """
    result_dtype = _complex_dtype(dtype)
    _check_n_states(sequence, n_states)
    _check_keys(sequence, parameters)
    is_torch = any(isinstance(value, torch.Tensor) for value in parameters.values())
    target = _device(device, parameters)
    columns = _columns(parameters, target)

    if is_torch:
        return _fingerprints(sequence, columns, n_states).to(result_dtype)
    n_atoms = len(next(iter(columns.values())))
    result = np.empty((n_atoms, sequence.n_frames), dtype=str(result_dtype).split(".")[1])
    with torch.no_grad():
        for start in range(0, n_atoms, _ATOMS_PER_CHUNK):
            part = slice(start, start + _ATOMS_PER_CHUNK)
            chunk = {key: values[part] for key, values in columns.items()}
            result[part] = _array_fingerprints(sequence, chunk, n_states)
    return result


def _fingerprints(sequence: Sequence, columns: dict[str, Tensor], n_states: int | None) -> Tensor:
    """Return fingerprints through torch, in the precision of the columns."""
    tissue, density = _parted(columns)
    signal = MODELS[sequence.kind].fingerprints(sequence, tissue, n_states)
    return signal if density is None else signal * density[:, None]


def _array_fingerprints(
    sequence: Sequence, columns: dict[str, Tensor], n_states: int | None
) -> NDArray[np.complexfloating]:
    """Return fingerprints as an array, compiled where that applies."""
    tissue, density = _parted(columns)
    model, is_on_cpu = MODELS[sequence.kind], next(iter(tissue.values())).device.type == "cpu"
    is_compiled = is_on_cpu and model.is_compiled(sequence)
    if is_compiled and "Df" in tissue and not bool(tissue["Df"].any()):
        del tissue["Df"]
    if not is_compiled or ("Df" in tissue and not model.is_compiled_off_resonance):
        return np.asarray(_fingerprints(sequence, columns, n_states).cpu())
    signal = model.compiled(sequence, tissue, n_states)
    return signal if density is None else signal * density.numpy()[:, None]


def _parted(columns: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor | None]:
    """Return what changes the shape of a fingerprint, and what it is multiplied by."""
    tissue = dict(columns)
    return tissue, tissue.pop(AMPLITUDE, None)


def _columns(
    parameters: Mapping[str, ArrayLike | Tensor], device: torch.device
) -> dict[str, Tensor]:
    """Return the checked parameters as real columns (N,) of one length on the device."""
    precision = torch.float32 if device.type == "mps" else torch.float64
    columns = {}
    for key, values in parameters.items():
        column = _checked(key, values)
        if column.device.type == "cpu":
            # Rounded here, because a device without float64 cannot even receive it.
            column = column.to(precision)
        columns[key] = column.to(device=device, dtype=precision)
    lengths = {key: len(column) for key, column in columns.items() if column.ndim}
    n_atoms = max(lengths.values(), default=1)
    wrong = {key: n for key, n in lengths.items() if n != n_atoms}
    if wrong:
        raise MRFInputError(
            "lengths-differ", "the parameters differ in length",
            expected=f"{n_atoms} values or a scalar for each",
            found=", ".join(f"{n} of {key}" for key, n in wrong.items()),
        )  # fmt: skip
    return {key: column.expand(n_atoms) for key, column in columns.items()}


def _checked(key: str, values: ArrayLike | Tensor) -> Tensor:
    if isinstance(values, torch.Tensor):
        column = values
    elif np.iscomplexobj(values):
        column = torch.as_tensor(np.array(values))
    else:
        try:
            column = torch.as_tensor(np.array(values, dtype=np.float64))
        except (TypeError, ValueError):
            raise MRFInputError("bad-parameter", f"{key} is not numeric",
                                found=repr(values)[:60]) from None  # fmt: skip
    if column.ndim > 1:
        raise MRFInputError("bad-parameter", f"{key} must be a scalar or one-dimensional",
                            found=f"shape {tuple(column.shape)}",
                            hint="Flatten images to one value per row.")  # fmt: skip
    if column.is_complex() or column.dtype == torch.bool:
        raise MRFInputError("bad-parameter", f"{key} must be real numbers", found=column.dtype)
    if column.numel() == 0:
        raise MRFInputError("bad-parameter", f"{key} is empty")

    flat = column.detach().reshape(-1)
    finite = torch.isfinite(flat)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0])
        raise MRFInputError("parameter-not-finite", f"{key} is not finite in row {row}",
                            found=float(flat[row]),
                            hint="Leave voxels without a value out.")  # fmt: skip
    parameter = PARAMETERS[key]
    low, high = parameter.valid_range
    outside = (flat < low) | (flat > high)
    if bool(outside.any()):
        row = int(outside.nonzero()[0])
        unit = f" {parameter.unit}" if parameter.unit else ""
        raise MRFInputError("parameter-out-of-range", f"{key} is out of range in row {row}",
                            expected=f"{low:g} to {high:g}{unit}", found=f"{float(flat[row]):g}",
                            hint=f"{_likely_unit(parameter, float(flat[row]))}Times are in ms, "
                                 "frequencies in Hz, fractions in 0-1.",
                            )  # fmt: skip
    return column


def _likely_unit(parameter: Parameter, value: float) -> str:
    low, high = parameter.valid_range
    if parameter.unit == "ms" and 0 < value < low:
        return "Is it in seconds? "
    if parameter.unit == "" and high < value <= 100 * high:
        return "Is it in percent? "
    return ""


def _check_keys(sequence: Sequence, parameters: Mapping[str, ArrayLike | Tensor]) -> None:
    kind = SIGNAL_KINDS[sequence.kind]
    required, known = kind.required, kind.simulated
    missing = [key for key in required if key not in parameters]
    if missing:
        raise MRFInputError("missing-parameter", f"{sequence.name} needs {', '.join(missing)}",
                            expected=", ".join(required),
                            found=", ".join(parameters) or "none")  # fmt: skip
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise MRFInputError("unknown-parameter",
                            f"{sequence.name} does not use {', '.join(map(str, unknown))}",
                            expected=", ".join(known))  # fmt: skip


def _check_n_states(sequence: Sequence, n_states: int | None) -> None:
    if n_states is None:
        return
    if not MODELS[sequence.kind].has_states:
        kinds = " or ".join(kind for kind, model in MODELS.items() if model.has_states)
        raise MRFInputError("bad-n-states", f"n_states applies to sequences of kind {kinds} only",
                            found=sequence.kind)  # fmt: skip
    if isinstance(n_states, bool) or not isinstance(n_states, int | np.integer) or n_states < 1:
        raise MRFInputError("bad-n-states", "n_states must be a whole number, 1 or more",
                            found=repr(n_states))  # fmt: skip


def _complex_dtype(dtype: Any) -> torch.dtype:
    known = {"complex64": torch.complex64, "complex128": torch.complex128}
    try:
        name = str(dtype).split(".")[-1] if isinstance(dtype, torch.dtype) else np.dtype(dtype).name
        return known[name]
    except (KeyError, TypeError):
        raise MRFInputError("bad-dtype", "the dtype of fingerprints must be complex",
                            expected="complex64 or complex128",
                            found=repr(dtype)) from None  # fmt: skip


def _device(
    device: str | torch.device | None, parameters: Mapping[str, ArrayLike | Tensor]
) -> torch.device:
    if device is None:
        devices = {v.device for v in parameters.values() if isinstance(v, torch.Tensor) and v.ndim}
        if len(devices) > 1:
            raise MRFInputError("bad-device", "the parameters are on different devices",
                                found=", ".join(sorted(map(str, devices))),
                                hint="Name one with device=.")  # fmt: skip
        return devices.pop() if devices else torch.device("cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, ValueError, TypeError):
        raise MRFInputError("bad-device", "the device is not available",
                            found=repr(device), hint="Use device='cpu'.") from None  # fmt: skip
