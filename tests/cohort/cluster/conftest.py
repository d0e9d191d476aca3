"""A scheduler and two workers on loopback, one set for a module."""

import pytest

pytest.importorskip("distributed")
from cluster_cases import processes


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two plain workers of one scheduler."""
    with processes(tmp_path_factory.mktemp("cluster")) as started:
        assert started.address
        for _ in range(2):
            started.worker()
        yield started
