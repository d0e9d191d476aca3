"""Recipe: a TOML file with all settings of a training.

One module, since its tables refer to one another.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from napari_mrf.data.parameters import PARAMETERS
from napari_mrf.data.text_files import read_text
from napari_mrf.errors import MRFInputError
from napari_mrf.networks.card import is_card_path
from napari_mrf.networks.zoo import NETWORKS

if TYPE_CHECKING:
    from typing import Self


_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


_PATCH_OF_FINGERPRINTS = 8


class PhantomImages(BaseModel):
    """Images of random phantoms with simulated acquisition, for image-wise networks.

    Parameters
    ----------
    slices, validation_slices : int
        Measured slices, each of another person.
    matrix_lower, matrix_upper : int
        Voxels along an edge of a slice, drawn between the two: the field of view is one, so
        that this varies the size of voxels.
    undersampled : float
        Share of slices with a radial scan, 0-1; the others are fully sampled: the exact
        signal and noise.
    encoded_matrix : int
        Voxels across the encoded field of view; with the spokes per frame it sets the
        undersampling, 68.7-fold for MRF T1-FF with 350.
    spokes_per_pulse : int
        Spokes that the readout of a pulse covers.
    patch : int
        Voxels along an edge of the maps of a patch.
    patches, validation_patches : int
        Patches an epoch.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: Literal["phantoms"]
    slices: int = Field(default=40, ge=1)
    validation_slices: int = Field(default=6, ge=1)
    matrix_lower: int = Field(default=96, ge=32)
    matrix_upper: int = Field(default=176, ge=32)
    undersampled: float = Field(default=0.5, ge=0, le=1)
    encoded_matrix: int = Field(default=350, ge=32)
    spokes_per_pulse: int = Field(default=1, ge=1)
    patch: int = Field(default=32, ge=1)
    patches: int = Field(default=1000, ge=1)
    validation_patches: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.matrix_lower > self.matrix_upper:
            raise ValueError("matrix_lower must not be larger than matrix_upper")
        return self


class RandomImages(BaseModel):
    """Images of random subjects made while the network learns, for image-wise networks.

    Geometry, tissue and texture are those of `napari_mrf.phantoms.random`; a share are random
    people, as for `PhantomImages`, but new ones every time.

    Parameters
    ----------
    patches, validation_patches : int
        Patches an epoch.
    patches_per_slice : int
        Patches cut from a slice, each in another batch; one for validation.
    patch : int
        Voxels along an edge of the maps of a patch.
    matrix_lower, matrix_upper : int
        Voxels along an edge of a slice, drawn between the two.
    phantoms : float
        Share of slices that show people, 0-1.
    rough_phantoms : float
        Share of those that get the white texture of random subjects, 0-1.
    white_texture : bool
        Whether anybody has it: without, a network never sees maps as rough as matched ones.
    undersampled : float
        Share of slices with a radial scan, 0-1; the others have noise alone, at the same level
        everywhere in one half of them and in proportion to the voxel in the other.
    undersampling_lower, undersampling_upper : float
        How many times less a frame has than the Nyquist criterion asks for; its number of
        spokes is drawn between the two.
    coils_lower, coils_upper : int
        Coils of a scan.
    subspace : float
        Share of radial scans whose images are those of the temporal subspace, not gridded, 0-1.
    encoded_matrix, spokes_per_pulse : int
        Of the scans of phantoms that the network is tested on, as of `PhantomImages`. Scans for
        images in the subspace are thinned out to as many spokes for their matrix.
    """

    model_config = _STRICT

    kind: Literal["random"]
    patches: int = Field(default=1000, ge=1)
    validation_patches: int = Field(default=48, ge=1)
    patches_per_slice: int = Field(default=4, ge=1)
    patch: int = Field(default=32, ge=1)
    matrix_lower: int = Field(default=96, ge=32)
    matrix_upper: int = Field(default=128, ge=32)
    phantoms: float = Field(default=0.25, ge=0, le=1)
    rough_phantoms: float = Field(default=0.5, ge=0, le=1)
    white_texture: bool = True
    undersampled: float = Field(default=0.5, ge=0, le=1)
    undersampling_lower: float = Field(default=23.5, ge=1)
    undersampling_upper: float = Field(default=47.0, ge=1)
    coils_lower: int = Field(default=3, ge=1)
    coils_upper: int = Field(default=6, ge=1)
    subspace: float = Field(default=0.0, ge=0, le=1)
    encoded_matrix: int = Field(default=350, ge=32)
    spokes_per_pulse: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("matrix", "undersampling", "coils"):
            if getattr(self, f"{name}_lower") > getattr(self, f"{name}_upper"):
                raise ValueError(f"{name}_lower must not be larger than {name}_upper")
        return self


class SubjectFiles(BaseModel):
    """A measured series and its true maps.

    Parameters
    ----------
    series : str
        Any file that is read as a series; relative to the recipe.
    maps : str
        Folder of maps on the grid of the series: ``T1H2O.nii.gz`` and so on.
    mask : str, optional
        Voxels to learn from; all that have a signal and a value of every map otherwise.
    axes, dataset : str, optional
        As `load_series` wants them, for files that do not say.
    """

    model_config = _STRICT

    series: str
    maps: str
    mask: str | None = None
    axes: str | None = None
    dataset: str | None = None


class MeasuredSeries(BaseModel):
    """Measured series with their maps; no noise is added.

    Parameters
    ----------
    subjects : list of SubjectFiles
        To learn from.
    validation_subjects : list of SubjectFiles
        To judge by. Without any, patches of the subjects are held out.
    validation_share : float
        Which share of the patches, then.
    patch : int
        Voxels along an edge of the maps of a patch: what image-wise networks learn from, and
        what is held out at once.
    """

    model_config = _STRICT

    kind: Literal["series"]
    subjects: list[SubjectFiles] = Field(min_length=1)
    validation_subjects: list[SubjectFiles] = []
    validation_share: float = Field(default=0.1, gt=0, lt=1)
    patch: int = Field(default=32, ge=1)


class MapRange(BaseModel):
    """Range of a map: what is trained on, and what its values are scaled by."""

    model_config = _STRICT

    lower: float
    upper: float
    logarithmic: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.lower < self.upper:
            raise ValueError("lower must be smaller than upper")
        if self.logarithmic and self.lower <= 0:
            raise ValueError("lower must be positive for a logarithmic range")
        return self


class RandomTissues(BaseModel):
    """Simulated fingerprints of tissues drawn at random within the ranges of the maps.

    With `redraw`, every epoch has tissues of its own: for networks that take much longer to
    train on a fingerprint than the simulator takes to make it.
    """

    model_config = _STRICT

    kind: Literal["random"] = "random"
    tissues: int = Field(default=400_000, ge=100)
    validation_tissues: int = Field(default=5_000, ge=10)
    redraw: bool = False


class InnGrid(BaseModel):
    """Simulated fingerprints of the training grid of Balsiger et al., MLMIR 2020 (396,000).

    Validated on a fifth of the test grid, as there.
    """

    model_config = _STRICT

    kind: Literal["inn-grid"]


class _OfImages(dict[str, Any]):
    """The table of a network that looks at images, for which `random` means images."""


def _kind(data: object) -> str:
    """Return the kind of data; tissues at random where a recipe does not say."""
    if isinstance(data, _OfImages | RandomImages):
        return "random images"
    if isinstance(data, dict):
        return str(data.get("kind", "random"))
    return str(getattr(data, "kind", "random"))


# One line per kind; `training_data` of `napari_mrf.training.run` makes it.
Data = Annotated[
    Annotated[RandomTissues, Tag("random")]
    | Annotated[RandomImages, Tag("random images")]
    | Annotated[InnGrid, Tag("inn-grid")]
    | Annotated[PhantomImages, Tag("phantoms")]
    | Annotated[MeasuredSeries, Tag("series")],
    Discriminator(_kind),
]


class Noise(BaseModel):
    """Noise added anew at every use, as a share of the norm of a fingerprint.

    The standard deviation in the real and in the imaginary part, for fingerprints at unit norm;
    drawn log-uniformly between the two.
    """

    model_config = _STRICT

    sigma_lower: float = Field(default=0.003, gt=0)
    sigma_upper: float = Field(default=0.05, gt=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sigma_lower > self.sigma_upper:
            raise ValueError("sigma_lower must not be larger than sigma_upper")
        return self


ERROR_SCALES = {
    # Of matching and refinement on noise-only series of an in-vivo thigh.
    ("FF", False): 0.0107,
    ("T1H2O", False): 33.5,
    ("T1fat", False): 15.7,
    ("Df", False): 1.87,
    ("B1", False): 0.0143,
    # Of `cohen` for FISP, from its card.
    ("T1", False): 25.9,
    ("T2", False): 16.4,
    ("T1", True): 0.030,
    ("T2", True): 0.050,
}
"""Mean absolute errors at 20 dB by map, and whether relative (maps that are logarithmic)."""


class Optimisation(BaseModel):
    """Adam on the error of the maps.

    Parameters
    ----------
    learning_rate : float
        The largest.
    schedule : {"cosine", "constant"}
        How it goes on from there; the cosine ends at a hundredth.
    warm_up : float
        Share of the training over which it rises to there, 0-0.5.
    largest_gradient : float, optional
        Norm that the gradient of a step is cut to; recurrent networks need it now and then.
    batch : int
        Examples a step.
    epochs : int
        Passes over the data.
    minutes : float, optional
        Budget of time: the training ends with the step in which it is used up.
    patience : int, optional
        Epochs without a better validation after which it ends.
    loss : {"squared", "absolute"}
        Mean squared error of the scaled maps, or mean absolute error in units of `scales`, where
        T1H2O counts by the water in a voxel and T1fat by its fat (`AbsoluteError`).
    scales : dict
        The error of a map that counts as 1: in its unit, as a share of maps that are logarithmic.
        For the absolute loss; what is not given is that of matching or `cohen` at 20 dB.
    forward_weight : float
        Weight of the error of the fingerprint, for networks that give one.
    precision : {"float32", "bfloat16", "float16"}
        Of the network while it learns; the half precisions on CUDA only.
    seed : int
        Of the tissues, the weights at the start, the order and the noise.
    """

    model_config = _STRICT

    learning_rate: float = Field(default=1e-3, gt=0)
    schedule: Literal["constant", "cosine"] = "cosine"
    warm_up: float = Field(default=0.0, ge=0, le=0.5)
    largest_gradient: float | None = Field(default=None, gt=0)
    batch: int = Field(default=500, ge=1)
    epochs: int = Field(default=80, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    patience: int | None = Field(default=None, ge=1)
    loss: Literal["squared", "absolute"] = "squared"
    scales: dict[str, Annotated[float, Field(gt=0)]] = {}
    forward_weight: float = Field(default=1.0, ge=0)
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    seed: int = Field(default=0, ge=0)


class Recipe(BaseModel):
    """All settings of a training.

    Parameters
    ----------
    network : str
        Of the zoo.
    sequence : str
        A name, or a sequence file (.json, .csv).
    is_reduced : bool
        Whether less is trained than would be good; the card says so.
    init : str, optional
        Weights to begin with: the name of an installed network, or the path of a card.
    maps : dict
        Range of each map that the network gives.
    data, noise, optimisation
        See there.

    Files that it names are relative to `folder`.
    """

    model_config = _STRICT

    network: str
    sequence: str = "t1ff"
    is_reduced: bool = False
    init: str | None = None
    maps: dict[str, MapRange] = Field(min_length=1)
    data: Data = RandomTissues()
    noise: Noise = Noise()
    optimisation: Optimisation = Optimisation()
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """Folder of the files that it names: its own folder, or the working folder."""
        return self._folder

    @field_validator("data", mode="before")
    @classmethod
    def _by_network(cls, data: object, info: ValidationInfo) -> object:
        network = NETWORKS.get(info.data.get("network", ""))
        if network is None or network.kind != "image" or not isinstance(data, dict):
            return data
        # One that was written out with the tissues that it had by default names them.
        of_tissues = (RandomTissues.model_fields.keys() - {"kind"}) & data.keys()
        return _OfImages(data) if data.get("kind") == "random" and not of_tissues else data

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.network not in NETWORKS:
            raise ValueError(f"there is no network {self.network!r}, only {', '.join(NETWORKS)}")
        if isinstance(self.data, RandomImages) and NETWORKS[self.network].kind != "image":
            raise ValueError(f"{self.network} looks at single fingerprints, not at images")
        unknown = [key for key in self.maps if key not in PARAMETERS]
        if unknown:
            raise ValueError(f"there is no map {unknown[0]!r}, only {', '.join(PARAMETERS)}")
        without_map = [key for key in self.optimisation.scales if key not in self.maps]
        if without_map:
            raise ValueError(f"optimisation.scales has no map {without_map[0]!r} to scale")
        if self.optimisation.loss == "absolute":
            self.error_scales()
        elif self.optimisation.scales:
            raise ValueError('optimisation.scales needs optimisation.loss = "absolute"')
        return self

    def changed(
        self, *, epochs: int | None = None, minutes: float | None = None,
        init: str | None = None, subjects: list[SubjectFiles] | None = None,
    ) -> Recipe:  # fmt: skip
        """Return the recipe with changes; what is None stays.

        Parameters
        ----------
        epochs, minutes : int, float
            Of the optimisation.
        init : str
            Weights to begin with; a path is relative to the working folder.
        subjects : list of SubjectFiles
            Measured series with their maps, to learn from instead of the recipe's own data.
        """
        times = {"epochs": epochs, "minutes": minutes}
        times = {key: value for key, value in times.items() if value is not None}
        update: dict[str, Any] = {"optimisation": self.optimisation.model_copy(update=times)}
        if init is not None:
            # In a recipe a path is relative to it.
            update["init"] = str(Path(init).absolute()) if is_card_path(init) else init
        if subjects is not None:
            # What looks at single fingerprints needs patches only to set some aside.
            patch = getattr(self.data, "patch", _PATCH_OF_FINGERPRINTS)
            update["data"] = MeasuredSeries(kind="series", subjects=subjects, patch=patch)
        return self.model_copy(update=update)

    def error_scales(self) -> dict[str, float]:
        """Return the error of each map that counts as 1 in the absolute loss.

        Raises
        ------
        ValueError
            Where neither the recipe nor `ERROR_SCALES` has one.
        """
        known = {
            key: ERROR_SCALES.get((key, one.logarithmic)) for key, one in self.maps.items()
        } | self.optimisation.scales
        for key, scale in known.items():
            if scale is None:
                raise ValueError(f"the absolute loss needs optimisation.scales.{key}")
        return {key: scale for key, scale in known.items() if scale is not None}


def shipped_recipes() -> dict[str, Path]:
    """Return the recipes of this package by name."""
    folder = Path(__file__).parent / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_recipe(name: str | Path) -> Recipe:
    """Read a recipe: the name of one of this package's, or a TOML file.

    Raises
    ------
    MRFInputError
        ``"missing-file"``, ``"bad-recipe"`` (the place is named).
    """
    path = shipped_recipes().get(str(name), Path(name))
    try:
        record = tomllib.loads(read_text(path, "recipe", not_text="bad-recipe"))
    except MRFInputError as error:
        if error.code != "missing-file":
            raise
        raise MRFInputError(
            "missing-file", "there is no such recipe", path=path,
            expected=f"a TOML file, or one of {', '.join(shipped_recipes())}",
        ) from None  # fmt: skip
    except (ValueError, RecursionError) as error:
        raise MRFInputError(
            "bad-recipe", "the recipe is not valid TOML", path=path, found=str(error)
        ) from None
    try:
        recipe = Recipe.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        raise MRFInputError(
            "bad-recipe", "the recipe is not valid", path=path,
            found=f"{where}: {first['msg']}",
        ) from None  # fmt: skip
    recipe._folder = path.parent
    return recipe
