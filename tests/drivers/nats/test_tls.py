"""TLS: what asks for it is given nothing without it, no password above all."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.drivers.nats.proxy import through
from tests.drivers.nats.test_broker import message
from tools.nats_server import NatsServer, running
from twofold.drivers.nats import NatsBroker
from twofold.messaging import NotConfirmed

pytestmark = pytest.mark.anyio


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The certificate of a server of this machine, signed by itself, with its key beside it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nats")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "nats.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "nats.key").write_bytes(private)
    return tmp_path / "nats.pem"


@pytest.fixture
def secure(tmp_path: Path, certificate: Path) -> Iterator[NatsServer]:
    """A server that speaks TLS."""
    folder = tmp_path / "server"
    folder.mkdir()
    with running(
        folder, f'tls {{ cert_file: "{certificate}", key_file: "{certificate.with_suffix(".key")}" }}'
    ) as server:
        yield server


async def test_a_server_with_tls_is_reached(secure: NatsServer, certificate: Path) -> None:
    """By whoever trusts its certificate, and by nobody else."""
    address = secure.url.replace("nats://", "tls://")
    trusting = NatsBroker(address, tls=ssl.create_default_context(cafile=str(certificate)))
    (told,) = await trusting.publish([message("nowhere")])
    assert isinstance(told, NotConfirmed)
    assert told.cause == "no stream keeps this subject (503)"
    await trusting.close()
    (told,) = await NatsBroker(address).publish([message("nowhere")])
    assert isinstance(told, NotConfirmed)
    assert "CERTIFICATE_VERIFY_FAILED" in told.cause


@pytest.mark.parametrize("by", ["address", "option"])
async def test_nothing_is_said_to_a_server_without_tls(nats_server: NatsServer, by: str) -> None:
    """Not even who one is, where TLS was asked for: somebody may stand in between who has taken it away."""
    async with through(nats_server.url) as proxy:
        address = proxy.url.replace("//", "//shop:hush-hush@")
        if by == "address":
            broker = NatsBroker(address.replace("nats://", "tls://"))
        else:
            broker = NatsBroker(address, tls=ssl.create_default_context())
        (told,) = await broker.publish([message("nowhere")])
        assert isinstance(told, NotConfirmed)
        assert told.cause == "nats: the server offers no TLS, which its address asks for"
        assert proxy.connections == 1
        assert proxy.said == b""
