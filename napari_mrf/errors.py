"""The one exception for bad input: cause, place and cure."""

from __future__ import annotations

import re
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CURES = {
    "ambiguous-order": "Write the counters in the order of time, or the scan counters in that "
    "of the readouts.",
    "bad-axes": 'Give the order of the axes, such as axes="XYZT", or open the file without one.',
    "bad-b1": "Pick a B1 map of this series, 3-D and above 0.",
    "bad-covariance": "Make the images of the raw data again.",
    "bad-dataset": "Leave the name of the dataset out.",
    "bad-dictionary": "Compute the dictionary again with this version.",
    "bad-frames": "Give frames in rising order, such as 0-149.",
    "bad-grid": "Change the axes of the grid so.",
    "bad-header": "Write or convert the file again with the program that made it.",
    "bad-image": "Pick an image of a whole slice or volume that says where it lies.",
    "bad-json": "Mend the file in a text editor, or write it again.",
    "bad-label": "Change the label in the list of regions.",
    "bad-label-table": "Mend the line in a text editor, or export the labels from ITK-SNAP again.",
    "bad-labels": "Save the labels as whole numbers from 0 to 65535, on three axes.",
    "bad-mask": "Pick a mask of zeros and ones on the grid of the series.",
    "bad-name": "Give it that ending.",
    "bad-kind": "Add a range for each parameter that is estimated.",
    "bad-option": "Choose an allowed value.",
    "bad-outline": "Draw the outline again, around at least three corners.",
    "bad-parameter": "Choose a value in that range.",
    "bad-record": "Save the maps again, or take the record out of the folder.",
    "bad-region": "Pick a region that is in the label map.",
    "bad-scaling": "Write the file again with a finite scaling.",
    "bad-sequence": "Mend the file of the sequence, or pick another sequence.",
    "bad-session": "Open another session file, or save the session again.",
    "bad-shape": "Take arrays of the same grid, with all axes that are needed.",
    "bad-sidecar": "Mend the sidecar in a text editor.",
    "bad-suffix": "Give it that ending.",
    "bad-table": "Mend the table in a text editor.",
    "bad-trajectory": "Pick the trajectory of this measurement, or none.",
    "bad-weights": "Get the weights of this version, or train the network again.",
    "coils-change": "Export the readouts of one set of coils.",
    "corrupt-readouts": "Copy the file again; if it is damaged at its source, measure again.",
    "declared-size": "Copy or export the file again: it is not whole.",
    "bad-dicom": "Export or copy the file again.",
    "disk-full": "Free some space, or choose another folder for the cache.",
    "doubled-readouts": "Take the readouts out that are there twice, or give them counters of "
    "their own.",
    "file-too-large": "Check that this is the right file.",
    "frames-mismatch": "Pick the sequence of this scan, or correct the sidecar.",
    "layout-conflict": "Correct the sidecar: take ComplexLayout out, or name the right file.",
    "inconsistent-images": "Take the images that differ out of the folder, or export it again.",
    "lengths-differ": "Give as many values on both sides.",
    "doubled-images": "Take the copies out of the folder.",
    "missing-file": "Check the path, or pick the file again.",
    "missing-folder": "Check the path, or pick the folder again.",
    "missing-images": "Export the series again, with all its images.",
    "missing-map": "Pick a folder that has these maps.",
    "missing-readouts": "Export the measurement again, with all slices whole.",
    "missing-weights": "Install the weights of the network, or pick another method.",
    "other-slices": "Cut both images to slices of the same place, with one direction.",
    "no-common-map": "Pick two sets that have a map in common.",
    "no-device": "Pick a device that is listed.",
    "no-label-maps": "Name the label maps like the subjects, or give another folder.",
    "no-maps": "Pick a folder of maps, as a reconstruction saves it.",
    "no-readouts": "Pick the raw file of the scan itself.",
    "no-series": "Pick the file of the series itself.",
    "not-magnitude": "Load it without taking it as magnitudes.",
    "not-numeric": "Pick an array of numbers, or convert the file.",
    "one-label-map": "Give a folder with a label map for each subject.",
    "partner-mismatch": "Pick the two halves of one scan.",
    "phase-not-in-unit": "Give the unit of the phase.",
    "phase-unit-unknown": "Give one of these units.",
    "readouts-mismatch": "Pick the sequence of this scan.",
    "same-name": "Give every folder once.",
    "samples-change": "Export the readouts of one length.",
    "security-path": "Take the path out of the file, or get the file from a source that you trust.",
    "sha256-mismatch": "The file was changed or replaced after its sidecar was written: get the "
    "original back, or, if the change was meant, remove SHA256 from the sidecar.",
    "three-dimensional": "Transform along the third direction first, and write the slices as "
    "2-D measurements.",
    "unknown-format": "Pick a NIfTI, NumPy, HDF5, MATLAB, MetaImage or DICOM file.",
    "unknown-method": "Pick a method that is listed.",
    "unknown-option": "Pick one that is listed.",
    "unknown-parameter": "Pick a parameter that is listed.",
    "unknown-raw": "Pick a raw file of the scanner, or convert it to ISMRMRD.",
    "unknown-sequence": "Pick a sequence that is listed, or give a file.",
    "unreadable-file": "Check the permissions of the file.",
    "wrong-sequence": "Pick what was made for this sequence, or the other sequence.",
}
"""What to do about an error of a code, where the place that raises it knows no better."""


WRONG_USAGE = frozenset(
    {
        "unknown-method",
        "unknown-option",
        "bad-option",
        "bad-frames",
        "no-device",
        "unknown-sequence",
        "bad-voxel",
        "bad-region",
    }
)
"""Error codes that are the fault of the command, not of the files."""


class MRFInputError(ValueError):
    """Input that cannot be used, told in one readable sentence.

    Parameters
    ----------
    code : str
        Stable machine-readable identifier in kebab case, such as ``"frames-mismatch"``.
        Codes of refused attacks (pickle, external links) begin with ``"security-"``.
    what : str
        What is wrong, as a clause that begins with the subject and has no final full stop.
    path : str or path-like, optional
        The file concerned.
    expected, found : object, optional
        The two sides of the conflict, in words or numbers.
    hint : str, optional
        The cure, as a sentence; that of the code in `CURES` without.
    """

    def __init__(
        self,
        code: str,
        what: str,
        *,
        path: str | PathLike[str] | None = None,
        expected: Any = None,
        found: Any = None,
        hint: str | None = None,
    ) -> None:
        self.code = code
        self.what = what
        self.path = None if path is None else fspath(path)
        self.expected = expected
        self.found = found
        self.hint = CURES.get(code) if hint is None else hint
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """Return cause and cure as one line of text."""
        text = f"{self.path}: {self.what}" if self.path else self.what
        sides = []
        if self.expected is not None:
            sides.append(f"expected {self.expected}")
        if self.found is not None:
            sides.append(f"found {self.found}")
        if sides:
            text += f" ({', '.join(sides)})"
        if not text.endswith((".", "?", "!")):
            text += "."
        if self.hint:
            text += f" {self.hint}"
        return shown(" ".join(text.split()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the fields when the error crosses a process border."""
        return _rebuild, (self.code, self.what, self.path, self.expected, self.found, self.hint)

    def at(self, path: str | PathLike[str] | None) -> MRFInputError:
        """Return the same error, naming the file it came from."""
        return MRFInputError(
            self.code,
            self.what,
            path=path,
            expected=self.expected,
            found=self.found,
            hint=self.hint,
        )

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> MRFInputError:
        """Return the error that `as_dict` gave the fields of."""
        details = {name: fields[name] for name in ("path", "expected", "found", "hint")}
        return cls(fields["code"], fields["what"], **details)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values (``--json-errors``)."""
        return {
            "code": self.code,
            "path": self.path,
            "what": self.what,
            "expected": None if self.expected is None else str(self.expected),
            "found": None if self.found is None else str(self.found),
            "hint": self.hint,
        }


def _rebuild(
    code: str, what: str, path: str | None, expected: Any, found: Any, hint: str | None
) -> MRFInputError:
    return MRFInputError(code, what, path=path, expected=expected, found=found, hint=hint)


def reason(error: BaseException) -> str:
    """Return the first line of what another library says, or else the kind of its error."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


# Control characters, halves of characters (names of files that are not UTF-8), and what turns the
# direction of the text around it.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)


def shown(text: str) -> str:
    """Return a text of unknown origin as any terminal, file and figure can show it."""
    if not _HARMFUL.search(text):
        return text
    return _HARMFUL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
