"""Trained networks as ONNX, for programs without Python or torch; checked before they are written.

ONNX has no complex numbers: real and imaginary parts are an axis of the input. All that belongs
to the network is in the file: phase and norm are taken out, and maps come in their units.
"""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from napari_mrf.errors import MRFInputError, reason
from napari_mrf.io.atomic import atomic_write, make_folder
from napari_mrf.networks.weights import load_network
from napari_mrf.networks.zoo import network_info

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from napari_mrf.networks.card import ModelCard
    from napari_mrf.networks.trained import TrainedNetwork

LARGEST_DIFFERENCE = 1e-4
"""Between ONNX and torch, as a share of the range of a map."""

METADATA = "napari-mrf"
"""Key in the metadata of the file, under which the card stands as JSON."""

_NEEDS = ("onnx", "onnxscript", "onnxruntime")
_SMALLEST = 1e-30


class _RealParts(nn.Module):
    """A trained network over real and imaginary parts (N, 2, T, ...)."""

    def __init__(self, trained: TrainedNetwork) -> None:
        super().__init__()
        self.trained = trained

    def forward(self, signals: Tensor) -> Tensor:
        normalization = self.trained.normalization
        n_frames = signals.shape[2]
        spread = (1, n_frames) + (1,) * (signals.ndim - 3)
        reference = normalization.reference
        across, upward = reference[:, 0].reshape(spread), reference[:, 1].reshape(spread)
        largest = signals.abs().amax(dim=(1, 2), keepdim=True).clamp(min=_SMALLEST)
        parts = signals / largest
        real, imaginary = parts[:, 0], parts[:, 1]
        product_real = (real * across + imaginary * upward).sum(dim=1, keepdim=True)
        product_imaginary = (imaginary * across - real * upward).sum(dim=1, keepdim=True)
        norm = (real**2 + imaginary**2).sum(dim=1, keepdim=True).sqrt()
        size = (product_real**2 + product_imaginary**2).sqrt() * norm
        turn = n_frames**0.5 / size.clamp(min=_SMALLEST)
        turn_real, turn_imaginary = product_real * turn, product_imaginary * -turn
        canonical = torch.stack(
            [
                real * turn_real - imaginary * turn_imaginary,
                real * turn_imaginary + imaginary * turn_real,
            ],
            dim=1,
        )
        scaled = torch.clamp(self.trained.network(canonical), 0.0, 1.0)
        return normalization.values(scaled)


def export_onnx(card: Path, path: Path) -> tuple[ModelCard, float]:
    """Write installed or own weights as ONNX, once they give what torch gives.

    The input ``fingerprints`` is (N, 2, T), of networks that look at neighbors (N, 2, T, Y, X),
    float32, real and imaginary parts on axis 1, of any phase and gain; the output ``maps`` is
    (N, M) or (N, M, Y, X) in the units of the card, kept within its ranges; images lose the
    margin of the network at each side. The card is in the metadata of the file, under `METADATA`.

    Parameters
    ----------
    card : Path
        Of the weights.
    path : Path
        File to write.

    Returns
    -------
    card : ModelCard
        Of the network.
    difference : float
        Largest difference between ONNX and torch as a share of the range of a map, of random
        fingerprints.

    Raises
    ------
    MRFInputError
        ``"missing-package"``, ``"not-exported"``, and what `load_network` and writing raise.
    """
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise MRFInputError(
            "missing-package", f"ONNX is written by {', '.join(_NEEDS)}",
            found=f"without {', '.join(missing)}", hint="pip install 'napari-mrf[onnx]'",
        )  # fmt: skip
    trained, record = load_network(card)
    info = network_info(record.name)
    # Two rows and two sizes: one would be taken for the only one there is.
    smallest = info.alignment * -(-(2 * info.margin + 2) // info.alignment)
    images = info.kind == "image"
    example = _random(2, record.n_frames, *((smallest, smallest) if images else ()))
    written = _exported(trained, record, example)
    more = (smallest + info.alignment, smallest + 2 * info.alignment)
    check = _random(7, record.n_frames, *(more if images else ()))
    difference = _difference(written, trained, record, check)
    if not difference <= LARGEST_DIFFERENCE:
        raise MRFInputError(
            "not-exported", f"as ONNX {record.name} gives other maps than in torch",
            expected=f"differences up to {LARGEST_DIFFERENCE:g} of the range of a map",
            found=f"{difference:.2g}", hint="Update onnxscript, or use the network in napari-mrf.",
        )  # fmt: skip
    make_folder(path.parent)
    with atomic_write(path) as staged:
        staged.write_bytes(written)
    return record, difference


def _exported(trained: TrainedNetwork, card: ModelCard, example: Tensor) -> bytes:
    """Return the file; rows, and of images their sizes, are free."""
    free = {0: torch.export.Dim.DYNAMIC}
    free |= dict.fromkeys(range(3, example.ndim), torch.export.Dim.AUTO)
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # what is told there of torchvision is not for users
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                _RealParts(trained).eval(), (example,), dynamo=True, dynamic_shapes=(free,),
                input_names=["fingerprints"], output_names=["maps"], verbose=False,
            )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        raise MRFInputError(
            "not-exported", f"torch cannot write {card.name} as ONNX", found=reason(error),
            hint="Update torch and onnxscript, or use the network in napari-mrf.",
        ) from error  # fmt: skip
    finally:
        logger.setLevel(level)
    proto = program.model_proto
    entry = proto.metadata_props.add()
    entry.key, entry.value = METADATA, card.model_dump_json()
    data: bytes = proto.SerializeToString()
    return data


def _difference(data: bytes, trained: TrainedNetwork, card: ModelCard, signals: Tensor) -> float:
    """Return the largest difference as a share of the range of a map."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    found = session.run(None, {"fingerprints": signals.numpy()})[0]
    with torch.no_grad():
        expected = trained(torch.complex(signals[:, 0], signals[:, 1])).numpy()
    ranges = np.array([one.upper - one.lower for one in card.maps])
    ranges = ranges.reshape(1, -1, *(1,) * (expected.ndim - 2))
    return float(np.abs((found - expected) / ranges).max())


def _random(n_rows: int, n_frames: int, *size: int) -> Tensor:
    generator = torch.Generator().manual_seed(n_rows)
    return torch.randn(n_rows, 2, n_frames, *size, generator=generator)
