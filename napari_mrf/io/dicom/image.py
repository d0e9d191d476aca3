"""Images of a DICOM file: of each its place, its time, and where its numbers lie.

Only the elements named here are read, so that names of persons never get into the memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mrf.data.text_files import read_error
from napari_mrf.errors import MRFInputError
from napari_mrf.io.dicom.library import library, silent
from napari_mrf.io.formats.source import FileStamp, truncated

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_DEFLATED = "1.2.840.10008.1.2.1.99"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_PIXELS = {0x7FE00008: "f4", 0x7FE00009: "f8", 0x7FE00010: ""}
"""Elements that hold pixels, with the type of their numbers where it is fixed."""
_PHILIPS_SCALE = (0x2005, 0x100E)
_GE_PART = (0x0043, 0x102F)
_PRIVATE = [0x20050010, 0x2005100E, 0x00430010, 0x0043102F]
_KEYWORDS = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
    "FrameOfReferenceUID", "SeriesNumber", "InstanceNumber", "Manufacturer", "ImageType",
    "ComplexImageComponent", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelSpacing",
    "SliceThickness", "SpacingBetweenSlices", "ImageOrientationPatient", "ImagePositionPatient",
    "TemporalPositionIdentifier", "NumberOfTemporalPositions", "AcquisitionNumber",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence",
    "LossyImageCompression", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
_TEXTS = ("CS", "DS", "IS", "LO", "SH", "UI")
"""Types of elements that are plain text."""
_PARTS = {
    "M": "magnitude", "MAGNITUDE": "magnitude", "P": "phase", "PHASE": "phase",
    "PHASE MAP": "phase", "R": "real", "REAL": "real", "I": "imaginary", "IMAGINARY": "imaginary",
}  # fmt: skip
_GE_PARTS = ("magnitude", "phase", "real", "imaginary")


@dataclass(frozen=True)
class Pixels:
    """How a file keeps its numbers.

    Parameters
    ----------
    file : FileStamp
        The file as it was.
    dtype : numpy.dtype
        With the byte order of the file.
    bits : int
        That count, of each number.
    offset : int
        Bytes before the first number; -1 where images are compressed.
    """

    file: FileStamp
    dtype: np.dtype[Any]
    bits: int
    offset: int


@dataclass(frozen=True)
class DicomFile:
    """What all images of a file have in common.

    Parameters
    ----------
    study, series, instance, kind, frame_of_reference : str
        UIDs; ``kind`` is that of the SOP class.
    number : int
        Of the series.
    instance_number : int
        Of the file in its series.
    rows, columns : int
        Of each image.
    n_images : int
        In the file.
    n_times : int or None
        How many images over time there are of each slice, where it is said.
    is_lossy : bool
        Whether the images were compressed with loss once.
    pixels : Pixels
        The numbers.
    """

    study: str
    series: str
    instance: str
    kind: str
    frame_of_reference: str
    number: int
    instance_number: int
    rows: int
    columns: int
    n_images: int
    n_times: int | None
    is_lossy: bool
    pixels: Pixels


@dataclass(frozen=True)
class Image:
    """One image of a file.

    Parameters
    ----------
    file : DicomFile
        Where it is.
    index : int
        Which image of the file, from 0.
    part : str
        A key of `part_names.PARTNER`, or empty where nobody says.
    position : tuple of float or None
        Center of the first voxel, mm to the left, to the back and up (LPS).
    orientation : tuple of float or None
        Directions along a row and along a column, three numbers each (LPS).
    spacing : tuple of float or None
        mm between rows, and between columns.
    thickness, gap : float or None
        mm: of the slice, and from slice to slice.
    times : dict of str to float
        What may tell one image over time from another, by name.
    slope, intercept : float
        The stored numbers become ``slope * number + intercept``.
    rescale_type : str
        Unit of these, where the file says so.
    scale : float or None
        The private scale slope of Philips.
    """

    file: DicomFile
    index: int
    part: str
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    thickness: float | None
    gap: float | None
    times: dict[str, float]
    slope: float
    intercept: float
    rescale_type: str
    scale: float | None

    @property
    def name(self) -> str:
        """The image in words, by its numbers."""
        series, one = f"series {self.file.number}", f"image {self.file.instance_number}"
        return f"{series}, {one}" if self.index == 0 else f"{series}, frame {self.index + 1}"

    def read(self) -> NDArray[np.float64]:
        """Return the scaled numbers (Y, X).

        Raises
        ------
        MRFInputError
            ``"file-changed"``, ``"truncated"``, ``"bad-dicom"``.
        """
        pixels = self.file.pixels
        pixels.file.check()
        stored = self._unpacked() if pixels.offset < 0 else self._plain()
        return stored.astype(np.float64) * self.slope + self.intercept

    def _plain(self) -> NDArray[Any]:
        pixels, shape = self.file.pixels, (self.file.rows, self.file.columns)
        n, path = math.prod(shape), pixels.file.path
        start = pixels.offset + self.index * n * pixels.dtype.itemsize
        try:
            numbers = np.fromfile(path, pixels.dtype, n, offset=start)
        except OSError as error:
            raise read_error(error, path) from error
        if numbers.size < n:
            raise truncated(path, start + n * pixels.dtype.itemsize, pixels.file.size)
        spare = 8 * pixels.dtype.itemsize - pixels.bits
        if spare and pixels.dtype.kind in "iu":  # bits above those that count are anything
            numbers = (numbers << spare) >> spare
        return numbers.reshape(shape)

    def _unpacked(self) -> NDArray[Any]:
        path = self.file.pixels.file.path
        decode = library("pydicom.pixels", path).pixel_array
        try:
            with silent():
                numbers = decode(path, index=self.index, raw=True)
        except Exception as error:  # whatever a decoder stumbles over
            raise _unreadable(path, f"image {self.index + 1} cannot be unpacked", error) from None
        if numbers.shape != (self.file.rows, self.file.columns):
            raise _bad("a compressed image has another size than the header says", path,
                       expected=f"{self.file.rows} × {self.file.columns}",
                       found=f"shape {numbers.shape}")  # fmt: skip
        return np.asarray(numbers)


def read_images(path: Path) -> list[Image]:
    """Return the images of a DICOM file, their numbers still on the disk.

    Returns
    -------
    list of Image
        Empty for what holds no images: reports, directories.

    Raises
    ------
    MRFInputError
        ``"bad-dicom"``, ``"truncated"``, ``"missing-package"``.
    """
    reader = library("pydicom.filereader", path)
    stamp = FileStamp.of(path)
    try:
        with silent(), path.open("rb") as file:
            found: list[tuple[int, int, int]] = []

            def at_pixels(tag: int, vr: str | None, length: int) -> bool:
                if tag in _PIXELS:
                    found.append((int(tag), int(length), file.tell()))
                return tag in _PIXELS

            header = reader.read_partial(
                file, at_pixels, defer_size=stamp.size, specific_tags=_tags()
            )
            return _images(header, found[0], stamp) if found else []
    except MRFInputError:
        raise
    except OSError as error:
        raise read_error(error, path) from error
    except Exception as error:  # pydicom raises whatever it stumbles over
        raise _unreadable(path, "the header cannot be read", error) from None


@cache
def _tags() -> list[int]:
    return [*(_tag(keyword) for keyword in _KEYWORDS), *_PRIVATE]


@cache
def _tag(keyword: str) -> int:
    return int(library("pydicom.datadict").tag_for_keyword(keyword))


def _value(item: Any, keyword: str) -> Any:
    """Return the value of an element, None where it is not there or empty.

    Text is taken as it lies there, some ten times as fast as pydicom makes objects of it: there
    are thousands of files.
    """
    tag = _tag(keyword)
    if tag not in item:
        return None
    element = item.get_item(tag)
    if getattr(element, "is_raw", False) and element.VR in _TEXTS and element.value:
        words = element.value.decode("ascii", "replace").split("\\")
        values = [word.strip(" \0") for word in words]
        return values if len(values) > 1 else values[0] or None
    value = item[tag].value
    return None if value is None or value == "" else value


def _images(header: Any, pixels: tuple[int, int, int], stamp: FileStamp) -> list[Image]:
    path = stamp.path
    rows, columns = _whole(header, "Rows", path), _whole(header, "Columns", path)
    n_images = int(_value(header, "NumberOfFrames") or 1)
    if min(rows, columns, n_images) < 1 or max(rows, columns) >= 2**16:
        raise _bad("the header gives an image no size", path,
                   found=f"{rows} × {columns}, {n_images} images")  # fmt: skip
    if _value(header, "ModalityLUTSequence") is not None:
        raise MRFInputError("bad-scaling", "the numbers are scaled by a table, which is not read",
                            path=path, expected="rescale slope and intercept",
                            found="a modality lookup table")  # fmt: skip
    if int(_value(header, "SamplesPerPixel") or 1) != 1:
        return []  # color
    study, series, instance, kind, frame_of_reference = (
        str(_value(header, name) or "")
        for name in (
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "SOPInstanceUID",
            "SOPClassUID",
            "FrameOfReferenceUID",
        )
    )
    file = DicomFile(
        study, series, instance, kind, frame_of_reference,
        int(_value(header, "SeriesNumber") or 0), int(_value(header, "InstanceNumber") or 0),
        rows, columns, n_images, int(_value(header, "NumberOfTemporalPositions") or 0) or None,
        _value(header, "LossyImageCompression") == "01",
        _pixels(header, pixels, stamp, rows * columns * n_images),
    )  # fmt: skip
    groups = _value(header, "PerFrameFunctionalGroupsSequence")
    if groups is None:
        return [_image(file, i, [header], header) for i in range(n_images)]
    if len(groups) != n_images:
        raise _bad("the header describes another number of images than it holds", path,
                   expected=n_images, found=len(groups))  # fmt: skip
    shared = _value(header, "SharedFunctionalGroupsSequence") or [None]
    return [_image(file, i, _grouped(group, shared[0]), header) for i, group in enumerate(groups)]


def _grouped(own: Any, shared: Any) -> list[Any]:
    """Return the items of the functional groups of one image, those of its own first."""
    items = []
    for group in (own, shared):
        for element in group or ():
            if element.VR == "SQ" and element.value:
                items.append(element.value[0])
    return items


def _image(file: DicomFile, index: int, items: list[Any], header: Any) -> Image:
    is_many = items[0] is not header

    def of(keyword: str) -> Any:
        found = (_value(item, keyword) for item in ((*items, header) if is_many else items))
        return next((value for value in found if value is not None), None)

    times = {
        name: value
        for name in _TIMES[is_many]
        if (value := _optional(of(name))) is not None
    }  # fmt: skip
    times["image"] = float(index if file.n_images > 1 else file.instance_number)
    slope, intercept = of("RescaleSlope"), of("RescaleIntercept")
    slope = 1.0 if slope in (None, "") else float(slope)
    intercept = 0.0 if intercept in (None, "") else float(intercept)
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0:
        raise MRFInputError("bad-scaling", "the rescale slope or intercept is not usable",
                            path=file.pixels.file.path,
                            found=f"{slope:g} and {intercept:g}")  # fmt: skip
    return Image(
        file, index, _part(of, header), _numbers(of("ImagePositionPatient"), 3),
        _numbers(of("ImageOrientationPatient"), 6), _numbers(of("PixelSpacing"), 2),
        _optional(of("SliceThickness")), _optional(of("SpacingBetweenSlices")), times,
        slope, intercept, str(of("RescaleType") or ""), _philips_scale((*items, header)),
    )  # fmt: skip


_TIMES = (
    ("TemporalPositionIdentifier", "AcquisitionNumber"),
    ("TemporalPositionIndex", "TemporalPositionTimeOffset", "FrameAcquisitionNumber"),
)
"""What may count the images of a slice over time: of files of one image, and of many."""


def _part(of: Any, header: Any) -> str:
    """Return which part of complex images an image is."""
    said = str(of("ComplexImageComponent") or "").upper()
    if said in _PARTS:
        return _PARTS[said]
    if (part := _private(header, "GEMS_PARM_01", _GE_PART)) is not None:
        return _GE_PARTS[int(part)] if 0 <= int(part) < len(_GE_PARTS) else ""
    words = [str(word).upper() for word in _several(of("FrameType") or _value(header, "ImageType"))]
    return next((_PARTS[word] for word in words[2:] if word in _PARTS), "")


def _philips_scale(items: tuple[Any, ...]) -> float | None:
    for item in items:
        scale = _optional(_private(item, "Philips Imaging DD 001", _PHILIPS_SCALE))
        if scale is not None and scale > 0:
            return scale
    return None


def _private(item: Any, creator: str, tag: tuple[int, int]) -> Any:
    group, _ = tag
    if str(item.get((group, 0x0010), _Empty).value).strip() != creator or tag not in item:
        return None
    value = item[tag].value
    if isinstance(value, bytes):  # of a file that does not say the type
        value = np.frombuffer(value, "<f4" if group == 0x2005 else "<i2")[0]
    return value


class _Empty:
    value = ""


def _pixels(header: Any, found: tuple[int, int, int], stamp: FileStamp, n_numbers: int) -> Pixels:
    tag, length, offset = found
    path = stamp.path
    syntax = header.file_meta.TransferSyntaxUID
    if syntax == _DEFLATED:
        raise _bad("the whole file is deflated, which is not read", path,
                   hint="Convert it, for example with dcmconv +te of DCMTK.")  # fmt: skip
    bits = _whole(header, "BitsAllocated", path)
    if not _PIXELS[tag] and bits not in (8, 16, 32):
        raise _bad("the size of the numbers is not read", path, expected="8, 16 or 32 bits",
                   found=f"{bits} bits")  # fmt: skip
    kind = "i" if _value(header, "PixelRepresentation") == 1 else "u"
    order = ">" if syntax == _BIG_ENDIAN else "<"
    dtype = np.dtype(order + (_PIXELS[tag] or f"{kind}{bits // 8}"))
    stored = 8 * dtype.itemsize
    if not _PIXELS[tag]:
        stored = int(_value(header, "BitsStored") or bits)
        high = _value(header, "HighBit")
        if not 1 <= stored <= bits or (high is not None and int(high) != stored - 1):
            raise _bad("the bits that count are not the lowest ones", path,
                       found=f"{stored} of {bits}, the highest {high}")  # fmt: skip
    if length == 0xFFFFFFFF or syntax.is_encapsulated:
        if not library("pydicom.pixels").get_decoder(syntax).is_available:
            raise MRFInputError("missing-package", "the images are compressed in a way that needs "
                                "another package", path=path, found=str(syntax.name),
                                hint="pip install pylibjpeg[all], or unpack the files (dcmdjpeg of "
                                "DCMTK).")  # fmt: skip
        return Pixels(stamp, dtype, stored, -1)
    expected = n_numbers * dtype.itemsize
    if stamp.size < offset + expected or length < expected:
        raise truncated(path, offset + expected, min(stamp.size, offset + length))
    return Pixels(stamp, dtype, stored, offset)


def _whole(header: Any, keyword: str, path: Path) -> int:
    value = _value(header, keyword)
    if value is None:
        raise _bad(f"the header lacks {keyword}", path)
    return int(value)


def _optional(value: Any) -> float | None:
    number = math.nan if value is None or value == "" else float(value)
    return number if math.isfinite(number) else None


def _several(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value or ())


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    numbers = tuple(float(one) for one in value) if value else ()
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _unreadable(path: Path, what: str, error: Exception) -> MRFInputError:
    # The message of the library may quote the file, which names a person.
    return _bad(what, path, found=type(error).__name__)


def _bad(what: str, path: Path, **details: Any) -> MRFInputError:
    return MRFInputError("bad-dicom", what, path=path, **details)
