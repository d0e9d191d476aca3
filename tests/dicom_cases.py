"""DICOM series as scanners write them, classic and enhanced, with a name planted in each."""

from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

PERSON = "PREFECT^FORD"
PLANTED = [PERSON, "PREFECT", "FORD", "BETELGEUSE-7", "19520311", "GUILDFORD"]
CLASSIC, ENHANCED = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
OBLIQUE = np.array([[0.96, 0.0, 0.28], [0.0, 1.0, 0.0]])  # along a row, along a column (LPS)
ORIGIN, STEP_MM, SPACING_MM = np.array([-80.0, -60.5, 12.25]), 5.0, (1.25, 1.5)
STUDY = generate_uid(entropy_srcs=["study"])
SIEMENS = (2, -4096)
LETTERS = {"magnitude": "M", "phase": "P", "real": "R", "imaginary": "I"}


def signal(shape=(6, 3, 4, 5), seed=0):
    """Return a complex series (T, Z, Y, X) of whole magnitudes up to 4000 and a full phase."""
    chance = np.random.default_rng(seed)
    return chance.integers(10, 4000, shape) * np.exp(1j * chance.uniform(-np.pi, np.pi, shape))


def stored(values, part):
    """Return whole numbers of 12 or 16 bits, slope and intercept of a part."""
    if part == "magnitude":
        return np.rint(np.abs(values)).astype(np.uint16), 1.0, 0.0
    if part == "phase":
        steps = np.rint((np.angle(values) / np.pi + 1) * 2048)
        return np.clip(steps, 0, 4095).astype(np.uint16), *SIEMENS
    numbers = values.real if part == "real" else values.imag
    return np.rint(numbers * 4 + 20000).astype(np.uint16), 0.25, -5000.0


def position(z):
    return ORIGIN + z * STEP_MM * np.cross(*OBLIQUE)


def affine():
    """Return voxel indices (x, y, z) to mm (RAS) of `signal` as written: PS3.3 C.7.6.2.1.1."""
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1] = OBLIQUE[0] * SPACING_MM[1], OBLIQUE[1] * SPACING_MM[0]
    lps[:3, 2], lps[:3, 3] = np.cross(*OBLIQUE) * STEP_MM, ORIGIN
    return np.diag([-1, -1, 1, 1]) @ lps


def header(kind, part, series, instance):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, kind
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(series), part, str(instance)])
    one = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    one.SOPClassUID, one.SOPInstanceUID = kind, meta.MediaStorageSOPInstanceUID
    one.PatientName, one.PatientID, one.PatientBirthDate = PERSON, "BETELGEUSE-7", "19520311"
    one.PatientSex, one.InstitutionName, one.OperatorsName = "O", "GUILDFORD", PERSON
    one.StudyInstanceUID, one.SeriesInstanceUID = STUDY, generate_uid(entropy_srcs=[str(series)])
    one.FrameOfReferenceUID = generate_uid(entropy_srcs=["place"])
    one.SeriesDescription, one.ProtocolName = f"MRF {PERSON}", PERSON
    one.StudyDate = one.SeriesDate = one.ContentDate = one.AcquisitionDate = "20260101"
    one.StudyTime = one.SeriesTime = one.ContentTime = one.AcquisitionTime = "120000"
    one.StudyID = one.AccessionNumber = one.ReferringPhysicianName = ""
    one.PositionReferenceIndicator, one.Manufacturer, one.Modality = "", "SIEMENS", "MR"
    one.SeriesNumber, one.InstanceNumber, one.PatientPosition = series, instance, "HFS"
    one.ImageType = ["ORIGINAL", "PRIMARY", LETTERS[part], "ND"]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.PixelRepresentation = 16, 0
    one.BitsStored = 12 if part in ("magnitude", "phase") else 16
    one.HighBit = one.BitsStored - 1
    one.ScanningSequence, one.SequenceVariant, one.ScanOptions = "GR", "SP", ""
    one.MRAcquisitionType, one.EchoTrainLength, one.MagneticFieldStrength = "2D", 1, 3.0
    one.RepetitionTime, one.EchoTime, one.FlipAngle = 5.0, 2.0, 10.0
    return one


_WRITTEN = {}


def classic(folder, values, part="magnitude", series=5, *, change=None):
    """Write one file an image into a folder; `change(header, t, z)` may change or drop one."""
    folder.mkdir(exist_ok=True, parents=True)
    key = (values.tobytes(), values.shape, part, series)
    contents = _WRITTEN.get(key) if change is None else None
    if contents is None:
        contents = dict(_contents(values, part, series, change))
        if change is None:
            _WRITTEN[key] = contents
    paths = {}
    for (t, z), content in contents.items():
        # Names that say nothing of the order.
        number = (t * values.shape[1] + z) * 7919 % 100003
        paths[t, z] = folder / f"IM{number:06d}_{part}.dcm"
        paths[t, z].write_bytes(content)
    return paths


def _contents(values, part, series, change):
    numbers, slope, intercept = stored(values, part)
    n_times, n_slices, rows, columns = numbers.shape
    for t in range(n_times):
        for z in range(n_slices):
            one = header(CLASSIC, part, series, t * n_slices + z + 1)
            one.Rows, one.Columns = rows, columns
            one.PixelSpacing, one.SliceThickness = list(SPACING_MM), 4.0
            one.SpacingBetweenSlices = STEP_MM
            one.ImageOrientationPatient = list(OBLIQUE.ravel())
            one.ImagePositionPatient = list(position(z))
            one.SliceLocation = z * STEP_MM
            one.TemporalPositionIdentifier = t + 1
            one.NumberOfTemporalPositions, one.AcquisitionNumber = n_times, t + 1
            one.RescaleSlope, one.RescaleIntercept, one.RescaleType = slope, intercept, "US"
            one.PixelData = numbers[t, z].tobytes()
            if change is None or change(one, t, z) is not False:
                content = BytesIO()
                one.save_as(content, enforce_file_format=True)
                yield (t, z), content.getvalue()


def item(**elements):
    one = Dataset()
    for keyword, value in elements.items():
        setattr(one, keyword, value)
    return one


def enhanced(path, values, part="magnitude", series=5, *, change=None):
    """Write all images into one file, the last slice first."""
    path.parent.mkdir(exist_ok=True, parents=True)
    numbers, slope, intercept = stored(values, part)
    n_times, n_slices, rows, columns = numbers.shape
    one = header(ENHANCED, part, series, 1)
    one.ComplexImageComponent = part.upper()
    one.NumberOfFrames, one.Rows, one.Columns = n_times * n_slices, rows, columns
    one.SharedFunctionalGroupsSequence = [item(
        PixelMeasuresSequence=[item(PixelSpacing=list(SPACING_MM), SliceThickness=4.0,
                                    SpacingBetweenSlices=STEP_MM)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=list(OBLIQUE.ravel()))],
        PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=intercept,
                                               RescaleType="US")],
    )]  # fmt: skip
    order = [(t, z) for z in reversed(range(n_slices)) for t in range(n_times)]
    one.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=list(position(z)))],
             FrameContentSequence=[item(TemporalPositionIndex=t + 1, FrameAcquisitionNumber=1)])
        for t, z in order
    ]  # fmt: skip
    one.PixelData = np.stack([numbers[t, z] for t, z in order]).tobytes()
    if change is not None:
        change(one)
    one.save_as(path, enforce_file_format=True)
    return path


def expected(values, parts=("magnitude", "phase")):
    """Return what two parts as stored stand for, by another way than the reader's."""
    halves = []
    for part in parts:
        numbers, slope, intercept = stored(values, part)
        halves.append(numbers.astype(float) * slope + intercept)
    if parts[0] == "real":
        return halves[0] + 1j * halves[1]
    return halves[0] * np.exp(1j * np.pi * halves[1] / 4096)
