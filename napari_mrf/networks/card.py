"""Card of trained weights: their network, their training and their test errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_mrf.data import strict_json
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_mrf.data.sequence import Sequence

FORMAT = "napari-mrf network"
CARD_SUFFIX = ".json"
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_LARGEST_BYTES = 1_000_000


class MapScale(BaseModel):
    """A map that a network gives, and the range it is scaled by.

    `deviation` is its standard deviation as a multiple of the scale that a network gives with each
    value (`deviation_factors` of the training); None where it gives none.
    """

    model_config = _STRICT

    key: str
    lower: float
    upper: float
    logarithmic: bool = False
    deviation: float | None = Field(default=None, gt=0)

    def range(self) -> dict[str, Any]:
        """Return the range alone."""
        return self.model_dump(include={"lower", "upper", "logarithmic"})


class Metric(BaseModel):
    """Error of one map on the test data at one noise level.

    `sigma` is the noise standard deviation in the real and in the imaginary part of
    fingerprints at unit norm; `undersampling` is 1 where nothing but noise was added, else the
    factor of the radial scan.
    """

    model_config = _STRICT

    map: str
    sigma: float = Field(ge=0)
    undersampling: float = Field(default=1.0, ge=1)
    mean_absolute_error: float
    mean_relative_error_percent: float | None
    r_squared: float


class InitialWeights(BaseModel):
    """Weights that a training began with."""

    model_config = _STRICT

    name: str
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")


class ModelCard(BaseModel):
    """All information about a weights file; written beside it as JSON."""

    model_config = _STRICT

    format: Literal["napari-mrf network"]
    version: Literal[1] = 1
    name: str
    sequence_name: str
    sequence_kind: str
    sequence_fingerprint: str = Field(pattern="^[0-9a-f]{64}$")
    n_frames: int = Field(ge=1)
    maps: list[MapScale] = Field(min_length=1)
    weights_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    stored_type: Literal["float32", "float16"] = "float32"
    n_parameters: int = Field(ge=1)
    recipe: dict[str, Any]
    init: InitialWeights | None = None
    seed: int
    software_version: str
    trained_on: str
    training_minutes: float = Field(ge=0)
    n_epochs: int = Field(ge=0)
    is_reduced: bool
    test_data: str
    metrics: list[Metric]
    plainest_metrics: list[Metric] = []
    """Of the plainest network on the same test data, where its own card does not have them."""

    def check_sequence(self, sequence: Sequence) -> None:
        """Refuse another sequence than the one that the network was trained for.

        Raises
        ------
        MRFInputError
            ``"wrong-sequence"``.
        """
        if sequence.fingerprint() != self.sequence_fingerprint:
            raise MRFInputError(
                "wrong-sequence",
                f"the network {self.name} was trained for another sequence",
                expected=f"{self.sequence_name} ({self.sequence_fingerprint[:8]})",
                found=f"{sequence.name} ({sequence.fingerprint()[:8]})",
                hint="Train the network for this sequence, or use a matcher.",
            )


def is_card_path(name: str) -> bool:
    """Return whether the name of a method is the path of a card: weights of one's own."""
    return name.endswith(CARD_SUFFIX)


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises
    ------
    MRFInputError
        ``"missing-weights"``, ``"bad-json"``, ``"bad-card"``.
    """
    try:
        text = read_text(path, "card", most_bytes=_LARGEST_BYTES, not_text="bad-card")
    except MRFInputError as error:
        if error.code in ("bad-card", "file-too-large"):
            raise
        raise MRFInputError(
            "missing-weights", "the card of the network cannot be read", path=path, found=error.what
        ) from error
    record = strict_json.loads(text, path=path)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise _bad(path, f'no "format": "{FORMAT}"')
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _bad(path, f"{where}: {first['msg']}") from None


def _bad(path: Path, found: str) -> MRFInputError:
    return MRFInputError(
        "bad-card",
        "the card of the network is not valid",
        path=path,
        expected="a card as this version of napari-mrf writes it",
        found=found,
        hint="Install or train the network again.",
    )
