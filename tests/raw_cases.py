"""Raw files for tests, written by the libraries of their formats or byte by byte."""

import struct

import ismrmrd
import ismrmrd.xsd as xsd
import numpy as np
import pypulseq

GOLDEN = 111.24611797498107
PERSON = "Zaphod^Beeblebrox"
SITE = "Hospital of Betelgeuse"


def radial(n_readouts=12, n_samples=16, increment_deg=GOLDEN):
    """Return (readouts, samples, 2) as (kx, ky) in cycles/voxel."""
    radii = (np.arange(n_samples) - n_samples // 2) / n_samples
    angles = np.deg2rad(increment_deg) * np.arange(n_readouts)
    return radii[None, :, None] * np.stack([np.cos(angles), np.sin(angles)], -1)[:, None]


def samples(shape, seed=0):
    numbers = np.random.default_rng(seed).standard_normal((2, *shape))
    return (numbers[0] + 1j * numbers[1]).astype(np.complex64)


def header(matrix=16, view=32.0, recon_matrix=None, recon_view=None, limit=None, encodings=1,
           trajectory="radial"):  # fmt: skip
    def space(n, size):
        return xsd.encodingSpaceType(
            matrixSize=xsd.matrixSizeType(x=n, y=n, z=1),
            fieldOfView_mm=xsd.fieldOfViewMm(x=size, y=size, z=5.0),
        )

    limits = xsd.encodingLimitsType()
    if limit is not None:
        limits.kspace_encoding_step_1 = xsd.limitType(minimum=0, maximum=limit, center=0)
    one = xsd.encodingType(
        encodedSpace=space(matrix, view),
        reconSpace=space(recon_matrix or matrix, recon_view or view),
        encodingLimits=limits,
        trajectory=xsd.trajectoryType(trajectory),
    )
    made = xsd.ismrmrdHeader(
        experimentalConditions=xsd.experimentalConditionsType(H1resonanceFrequency_Hz=123_000_000),
        encoding=[one] * encodings,
        subjectInformation=xsd.subjectInformationType(
            patientName=PERSON, patientID="4242-4242", patientBirthdate="1952-03-11"
        ),
        acquisitionSystemInformation=xsd.acquisitionSystemInformationType(
            institutionName=SITE, deviceID="SN-31415", stationName="STATION-9",
            systemFieldStrength_T=3.0,
        ),
    )  # fmt: skip
    return xsd.ToXML(made)


def write_mrd(
    path, values, trajectory=None, *, xml=None, order=None, change=None, noise=None, group="dataset"
):
    """Write samples (slices, coils, readouts, samples) with the library of the format.

    Parameters
    ----------
    order : list of tuple of int, optional
        (slice, readout) as they come in the file.
    change : callable, optional
        Gets each acquisition, its slice and readout; what it returns (None for leaving the
        acquisition out, or a list) is written in its place.
    """
    n_slices, _, n_readouts, n_samples = values.shape
    order = order or [(z, r) for z in range(n_slices) for r in range(n_readouts)]
    with ismrmrd.Dataset(str(path), group) as file:
        file.write_xml_header((xml or header()).encode())
        if noise is not None:
            one = ismrmrd.Acquisition.from_array(noise)
            one.setFlag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
            one.sample_time_us = 8.0
            file.append_acquisition(one)
        for z, r in order:
            coordinates = None if trajectory is None else trajectory[r].astype(np.float32)
            one = ismrmrd.Acquisition.from_array(
                np.ascontiguousarray(values[z, :, r]),
                *([] if trajectory is None else [coordinates]),
            )
            one.idx.slice, one.idx.kspace_encode_step_1 = z, r
            one.center_sample, one.sample_time_us = n_samples // 2, 4.0
            one.read_dir[:], one.phase_dir[:], one.slice_dir[:] = [1, 0, 0], [0, 1, 0], [0, 0, 1]
            one.position[:] = [10.0, -20.0, 5.0 + 6.0 * z]
            made = one if change is None else change(one, z, r)
            for acquisition in made if isinstance(made, list) else [made]:
                if acquisition is not None:
                    file.append_acquisition(acquisition)
    return path


PROTOCOL = """### ASCCONV BEGIN ###
tPatientName = "Zaphod^Beeblebrox"
sKSpace.lBaseResolution\t = \t8
sKSpace.lPhaseEncodingLines\t = \t8
sKSpace.ucTrajectory\t = \t0x2
sSliceArray.asSlice[0].dPhaseFOV\t = \t16.0
sSliceArray.asSlice[0].dReadoutFOV\t = \t16.0
sSliceArray.asSlice[0].dThickness\t = \t4.0
sRXSPEC.alDwellTime[0]\t = \t5000
### ASCCONV END ###
"""
NOISE_BIT, REVERSED_BIT, END_BIT = 25, 24, 0


def twix_record(values, *, line=0, flags=0, scan=1, slice_=0, center=None, **counters):
    """Return a record of VD: samples (coils, samples) behind their headers."""
    n_coils, n_samples = values.shape
    names = ("Lin", "Ave", "Sli", "Par", "Eco", "Phs", "Rep", "Set", "Seg")
    counters |= {"Lin": line, "Sli": slice_}
    numbers = [counters.get(name, 0) for name in names] + [0] * 5
    middle = n_samples // 2 if center is None else center
    head = struct.pack("<IiIII HHiiiiQHH", 192, 1, scan, 0, 0, 0, 0, 0, 0, 0, 0, flags, n_samples,
                       n_coils)  # fmt: skip
    head += struct.pack("<14H2HHHfIHH", *numbers, 0, 0, middle, 0, 0.0, 0, 4, 0)
    head += struct.pack("<3f4f", 1.0, 2.0, 3.0, 1.0, 0.0, 0.0, 0.0).ljust(92, b"\0")
    assert len(head) == 192
    channels = [b"\0" * 32 + np.ascontiguousarray(one, "<c8").tobytes() for one in values]
    return head + b"".join(channels)


def twix_measurement(records, protocol=PROTOCOL, ended=True):
    text = b"MeasYaps\0" + struct.pack("<I", len(protocol)) + protocol.encode()
    text = struct.pack("<II", 8 + len(text), 1) + text
    end = twix_record(np.zeros((0, 0)), flags=1 << END_BIT)
    return text + b"".join(records) + (end if ended else b"")


def write_twix(path, *measurements, cut=0):
    """Write measurements as a multi-RAID file of VD."""
    start = 10_240
    content, entries = b"", b""
    for number, one in enumerate(measurements):
        entries += struct.pack("<IIQQ", number, number, start + len(content), len(one))
        entries += PERSON.encode().ljust(64, b"\0") + b"protocol".ljust(64, b"\0")
        content += one + b"\0" * (-len(one) % 512)
    table = struct.pack("<II", 0, len(measurements)) + entries
    whole = table.ljust(start, b"\0") + content
    path.write_bytes(whole[: len(whole) - cut])
    return path


def write_bart(path, values):
    """Write an array of up to 16 axes."""
    sizes = [*values.shape, *[1] * (16 - values.ndim)]
    path.with_suffix(".hdr").write_text(
        f"# Dimensions\n{' '.join(map(str, sizes))} \n# Creator\n{PERSON}\n"
    )
    values.astype("<c8").ravel(order="F").tofile(path)
    return path


FLIPS_DEG = [10.0, 35.0, 20.0, 5.0]


def write_seq(path, *, inversion=True, twice=False, receiver_deg=0):
    """Write spokes along x and y in turn, with the library of the format."""
    system = pypulseq.Opts(max_grad=30, grad_unit="mT/m", max_slew=120, slew_unit="T/m/s")
    played = pypulseq.Sequence(system)
    if inversion:
        for _ in range(1 + twice):
            played.add_block(pypulseq.make_block_pulse(np.pi, duration=1e-3, system=system,
                                                       use="inversion"))  # fmt: skip
        played.add_block(pypulseq.make_delay(20e-3))
    n, view = 32, 0.128
    for number, flip in enumerate(FLIPS_DEG):
        axis = "xy"[number % 2]
        along = pypulseq.make_trapezoid(axis, flat_area=n / view, flat_time=n * 1e-5, system=system)
        before = pypulseq.make_trapezoid(axis, area=-along.area / 2, duration=1e-3, system=system)
        adc = pypulseq.make_adc(n, duration=n * 1e-5, delay=along.rise_time, system=system,
                                phase_offset=np.deg2rad(receiver_deg * number))  # fmt: skip
        pulse = pypulseq.make_block_pulse(
            np.deg2rad(flip), duration=4e-4, phase_offset=np.deg2rad(30 * number), system=system,
            use="excitation",
        )  # fmt: skip
        played.add_block(pulse)
        played.add_block(before)
        played.add_block(along, adc)
        played.add_block(pypulseq.make_delay(5e-3))
    played.set_definition("Name", PERSON)
    played.set_definition("FOV", [view, view, 0.005])
    played.write(str(path))
    return path
