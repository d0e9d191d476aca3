"""Encrypted connections, with certificates made here: who has none of them is kept out."""

from datetime import UTC, datetime, timedelta

import dask
import pytest
from cluster_cases import processes
from cohort_cases import maps_bytes, run, write_subjects

from napari_mrf.cohort.cluster.connection import Place, connected
from napari_mrf.errors import MRFInputError

x509 = pytest.importorskip("cryptography.x509")


def certificate(folder):
    """Write a certificate that signs itself, and its key: both sides have the same."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir(parents=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cohort")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


def settings(certificate, key):
    """Return the settings of dask that docs/cohorts.md names."""
    tls = "distributed.comm.tls"
    return dask.config.set({
        f"{tls}.ca-file": str(certificate), f"{tls}.client.cert": str(certificate),
        f"{tls}.client.key": str(key),
    })  # fmt: skip


@pytest.mark.slow
def test_cohort_runs_over_tls_and_strangers_are_kept_out(tmp_path, monkeypatch):
    own, key = certificate(tmp_path / "own")
    write_subjects(tmp_path / "in", "ab")
    run(tmp_path / "in", tmp_path / "serial")
    security = ("--tls-ca-file", str(own), "--tls-cert", str(own), "--tls-key", str(key))
    with processes(tmp_path / "cluster", security=security, protocol="tls") as cluster:
        cluster.worker()
        assert cluster.address.startswith("tls://127.0.0.1:")
        with settings(own, key), connected(Place(cluster.address)) as there:
            states, _ = run(tmp_path / "in", tmp_path / "out", engine=there.engine)
        assert states == {"a": "made", "b": "made"}
        assert maps_bytes(tmp_path / "out") == maps_bytes(tmp_path / "serial")

        monkeypatch.setattr("napari_mrf.cohort.cluster.connection._CONNECT_S", 0.5)
        strangers = [
            (settings(*certificate(tmp_path / "other")), cluster.address),
            (dask.config.set({}), cluster.address),
            (dask.config.set({}), cluster.address.replace("tls://", "tcp://")),
        ]
        for configured, address in strangers:
            with configured, pytest.raises(MRFInputError) as caught, connected(Place(address)):
                pass
            assert caught.value.code == "no-scheduler"


@pytest.mark.parametrize(
    ("address", "is_told"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tls://10.0.0.7:8786", False),
        ("tcp://10.0.0.7:8786", True),
        ("10.0.0.7:8786", True),
        ("127.0.0.1:8786", False),
    ],
)
def test_address_beyond_this_machine_without_tls_is_told(address, is_told):
    from napari_mrf.cohort.cluster.connection import is_open

    assert is_open(address) is is_told
