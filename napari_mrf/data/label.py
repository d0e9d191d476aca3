"""A label: number, name and color of a region."""

from __future__ import annotations

from dataclasses import dataclass

from napari_mrf.errors import MRFInputError

MAX_LABEL = 2**31 - 1


@dataclass(frozen=True)
class Label:
    """A label: the number of a region in a label map, its name and how it is shown.

    Parameters
    ----------
    index : int
        The number in the label map, 0 to 2³¹ - 1; 0 is the background.
    name : str
        Any text without double quotes or line breaks; blanks are fine.
    color : tuple of int
        Red, green, blue, 0-255.
    opacity : float
        0-1.
    visible, mesh_visible : bool
        Whether ITK-SNAP shows the label in slices and as a surface.

    Raises
    ------
    MRFInputError
        ``"bad-label"``.
    """

    index: int
    name: str
    color: tuple[int, int, int] = (255, 255, 255)
    opacity: float = 1.0
    visible: bool = True
    mesh_visible: bool = True

    def __post_init__(self) -> None:
        found = ""
        if not 0 <= self.index <= MAX_LABEL:
            found = f"number {self.index}"
        elif any(not 0 <= channel <= 255 for channel in self.color):
            found = f"color {self.color}"
        elif not 0.0 <= self.opacity <= 1.0:
            found = f"opacity {self.opacity}"
        elif '"' in self.name or len(self.name.splitlines()) > 1:
            found = f"name {self.name!r}"
        if found:
            raise MRFInputError(
                "bad-label",
                "a label does not fit into an ITK-SNAP file",
                expected=f"number 0-{MAX_LABEL}, colors 0-255, opacity 0-1, a name without "
                "double quotes",
                found=found,
            )
