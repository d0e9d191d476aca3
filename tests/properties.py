"""Properties that many parts have, each checked in one way.

Operators come in adjoint pairs; a method is blind to the complex factor of a voxel; nothing
depends on how work is cut into chunks or shared among threads. test_properties.py shows that
every check can fail.
"""

from contextlib import contextmanager

import numpy as np
import torch

import napari_mrf as mrf
from napari_mrf.data.maps import FLAGS, FlagBits


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def check_adjoint(forward, adjoint, domain_shape, range_shape, *, tolerance=1e-10, seed=0):
    """<y, A x> must be <A^H y, x>, relative to the norms of A x and y."""
    rng = np.random.default_rng(seed)
    x, y = complex_normal(rng, *domain_shape), complex_normal(rng, *range_shape)
    ax, ahy = forward(x), adjoint(y)
    assert ax.shape == y.shape
    assert ahy.shape == x.shape
    apart = abs(np.vdot(y, ax) - np.vdot(ahy, x))
    assert apart <= tolerance * np.linalg.norm(ax) * np.linalg.norm(y)


def exact_factors(rng, n, powers=20):
    """Signs and powers of two: exact in floating point, so that not a bit may change."""
    return 2.0 ** rng.integers(-powers, powers, n) * rng.choice([-1.0, 1.0], n)


def random_factors(rng, n, decades=6.0):
    """Any phase, and sizes of as many decades up and down."""
    return 10.0 ** rng.uniform(-decades, decades, n) * np.exp(2j * np.pi * rng.random(n))


def check_complex_factor_invariance(
    reconstruct, signals, factors, *, atol=None, rtol=0.0, undecided=0
):
    """A factor per voxel must change nothing but m0 and PD, which scale with it.

    `reconstruct` takes (N, T) fingerprints and returns (N,) arrays by name; there are N factors.
    Values must be equal bit by bit, but for `atol` by name, and `rtol` for all other names. In
    so many `undecided` voxels rounding may choose between two fits, equally good in quality.
    """
    plain = reconstruct(signals)
    turned = reconstruct((signals * factors[:, None]).astype(np.complex64))
    expected = {key: _scaled(key, values, factors) for key, values in plain.items()}
    apart = _apart(turned, expected, atol, rtol)
    if "quality" in apart:
        assert not apart.pop("quality").any(), "quality"
    voxels = np.any(list(apart.values()), axis=0)
    where = {key: int(wrong.sum()) for key, wrong in apart.items() if wrong.any()}
    assert voxels.sum() <= undecided, f"other values in so many voxels: {where}"


def check_chunks_and_threads(run, divisions, *, atol=None, rtol=0.0):
    """`run(chunk, threads)` must return the same arrays by name as `run(None, None)`.

    Torch has as many threads meanwhile. Tolerances are those of the check of factors.
    """
    whole = run(None, None)
    for chunk, threads in divisions:
        with _torch_threads(threads):
            parts = run(chunk, threads)
        apart = _apart(parts, whole, atol, rtol)
        wrong = [key for key, where in apart.items() if where.any()]
        assert not wrong, f"{', '.join(wrong)} in chunks of {chunk} on {threads} threads"


def in_chunks(function, signals, chunk):
    """Arrays by name of a function of (N, T) fingerprints, called with so many at a time."""
    size = chunk or len(signals)
    parts = [function(signals[start : start + size]) for start in range(0, len(signals), size)]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def named(result):
    """Every array of a `VoxelResult` or of `ParameterMaps` by name, flat."""
    found = {**getattr(result, "parameters", result)}
    found |= {key: getattr(result, key) for key in ("quality", "m0", "flags")}
    found |= {f"{key}_std": values for key, values in result.uncertainty.items()}
    return {key: values.reshape(-1) for key, values in found.items()}


def reconstructed(method, signals, shape, mask=None):
    """Every map, flat, of (N, T) fingerprints as a series of that shape (Z, Y, X)."""
    series = mrf.MRFSeries(signals.T.reshape(-1, *shape), sequence=method.sequence)
    return named(method.reconstruct(series, np.ones(shape, bool) if mask is None else mask))


def alone(method, signals, shape, mask=None):
    """What `reconstructed` returns, without the flag of poor fits.

    That one tells a voxel from the others: it looks at the noise around it, and no map does.
    """
    found = reconstructed(method, signals, shape, mask)
    return found | {"flags": found["flags"] & ~FlagBits(FLAGS["poor-fit"])}


@contextmanager
def divided(method, chunk, threads):
    """Let a method work in chunks of this size and on so many threads; None is its own way."""
    given = {"chunk_size": chunk, "threads": threads}
    before = {
        key: getattr(method, key)
        for key, value in given.items()
        if value is not None and hasattr(method, key)
    }
    try:
        for key in before:
            setattr(method, key, given[key])
        yield
    finally:
        for key, value in before.items():
            setattr(method, key, value)


@contextmanager
def _torch_threads(n):
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _scaled(key, values, factors):
    if key == "m0":
        return values * factors
    return values * np.abs(factors) if key in ("PD", "PD_std") else values


def _apart(found, expected, atol, rtol):
    """Where (N,) arrays by name differ by more than is tolerated."""
    assert found.keys() == expected.keys()
    apart = {}
    for key, values in expected.items():
        assert found[key].shape == values.shape, key
        limit = atol[key] if key in (atol or {}) else rtol * np.abs(values)
        same = (found[key] == values) | (np.isnan(found[key]) & np.isnan(values))
        apart[key] = ~(same | (np.abs(found[key] - values) <= limit))
    return apart
