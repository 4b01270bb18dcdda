"""Sockets of listeners and their certificates: which are served, and what is said of one that is not."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox import traffic
from sandbox.balancer import certificate, ports, report, state
from sandbox.balancer.listening import Listening
from sandbox.balancer.programming import Listener, Program
from sandbox.cluster.pki import make_certificate, pem
from sandbox.toolchain.progress import Progress
from tests.sandbox.gke.objects import named

Object = dict[str, Any]
CLUSTER = "p_r_c"


def secret(name: str, host: str, version: str = "1") -> Object:
    """A Secret with a certificate for `host`."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = make_certificate(host, key.public_key(), issuer=None, key=key, sans=[x509.DNSName(host)])
    content = {"tls.crt": made.public_bytes(serialization.Encoding.PEM), "tls.key": pem(key)}
    found = named(name, data={item: base64.b64encode(value).decode() for item, value in content.items()})
    found["metadata"]["resourceVersion"] = version
    return found


def program(*references: str, listener: str = "https") -> Program:
    """The Gateway `llm/gw` with one HTTPS listener, and the certificates of these Secrets."""
    tls = {"certificateRefs": [{"name": name} for name in references]} if references else {}
    item = Listener(name=listener, port=443, protocol="HTTPS", hostname="a.example.com", tls=tls, matches=())
    return Program(namespace="llm", name="gw", class_name="c", address="203.0.113.7", listeners=(item,), served=True)


def _none_free(_name: str, _own: dict[str, int], _state: Path) -> int | None:
    return None


async def _greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"served")
    await writer.drain()
    writer.close()


def subject(port: int, host: str) -> str:
    """The name in the certificate that a client which asks for `host` gets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    assert shown is not None
    names = x509.load_der_x509_certificate(shown).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return str(names.value.get_values_for_type(x509.DNSName)[0])


class Balancer:
    """The listeners of the only cluster below `home`, in a loop of the test's own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.directory = home / "clusters" / CLUSTER
        (self.directory / "run").mkdir(parents=True)
        self.file = self.directory / "run" / state.FILE
        self.listening = Listening(self.file, lambda _gateway, _listener: _greet)

    async def serve(self, item: Program, *secrets: Object) -> None:
        """Serves the program, and writes the state."""
        held = {(entry["metadata"]["namespace"], entry["metadata"]["name"]): entry for entry in secrets}
        await self.listening.update([item], held)
        state.write(self.file, [item], {}, self.listening)

    async def shows(self, host: str) -> str:
        """The certificate's name for `host`."""
        return await asyncio.to_thread(subject, self.listening.ports["llm/gw/https"], host)

    def missing(self) -> list[str]:
        """What `make up` says is missing at its end."""
        return traffic.wait(self.home, lambda _cluster: True, Progress(), patience=0.0)


@pytest.fixture
def balancer(tmp_path: Path) -> Balancer:
    """Nothing is served yet."""
    return Balancer(tmp_path)


def run(balancer: Balancer, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a test in a loop; every listener is closed at its end."""

    async def whole() -> None:
        try:
            await work()
        finally:
            await balancer.listening.update([], {})
            await asyncio.sleep(0.05)  # transports close in the loop's next rounds

    asyncio.run(whole())


def test_a_refused_listener_is_seen_everywhere_and_heals(balancer: Balancer) -> None:
    """The incident: one warning in a log, while `make up` said that requests get through."""

    async def work() -> None:
        await balancer.serve(program("late"))
        words = "listener https cannot be served: Secret llm/late not found"
        assert [line for line in balancer.missing() if words in line]
        assert [line for line in report.urls(balancer.home) if words in line]
        (listener,) = (state.read(balancer.directory) or {})["gateways"][0]["listeners"]
        assert (listener["url"], listener["problem"]) == (None, "Secret llm/late not found")
        await balancer.serve(program("late"), secret("late", "a.example.com"))
        assert await balancer.shows("a.example.com") == "a.example.com"
        assert balancer.missing() == []
        assert not [line for line in report.urls(balancer.home) if "cannot be served" in line]

    run(balancer, work)


def test_a_renewed_certificate_is_served(balancer: Balancer) -> None:
    """cert-manager writes the same Secret anew; the listener keeps its port."""

    async def work() -> None:
        await balancer.serve(program("tls"), secret("tls", "old.example.com"))
        port = balancer.listening.ports["llm/gw/https"]
        await balancer.serve(program("tls"), secret("tls", "new.example.com", version="2"))
        assert await balancer.shows("a.example.com") == "new.example.com"
        assert balancer.listening.ports["llm/gw/https"] == port

    run(balancer, work)


@pytest.mark.parametrize("data", [{}, {"tls.crt": "eA==", "tls.key": "eA=="}], ids=["empty", "nonsense"])
def test_a_spoilt_certificate_leaves_the_old_one(balancer: Balancer, data: Object) -> None:
    """What is served goes on, and the reason is told."""

    async def work() -> None:
        held = secret("tls", "old.example.com")
        await balancer.serve(program("tls"), held)
        spoilt = {**held, "metadata": {**held["metadata"], "resourceVersion": "2"}, "data": data}
        await balancer.serve(program("tls"), spoilt)
        assert await balancer.shows("a.example.com") == "old.example.com"
        assert "llm/gw/https" in balancer.listening.refused
        assert balancer.missing()

    run(balancer, work)


def test_the_name_decides_among_several_certificates(balancer: Balancer) -> None:
    """Every certificateRef counts: the client's name chooses, an asterisk is one label, and the first is for all others."""

    async def work() -> None:
        held = [secret("one", "a.example.com"), secret("two", "*.b.example.com"), secret("three", "c.example.com")]
        await balancer.serve(program("one", "two", "three"), *held)
        assert await balancer.shows("c.example.com") == "c.example.com"
        assert await balancer.shows("x.b.example.com") == "*.b.example.com"
        assert await balancer.shows("x.y.b.example.com") == "a.example.com"
        assert await balancer.shows("other.example.com") == "a.example.com"

    run(balancer, work)


def test_a_port_that_becomes_free_is_taken(balancer: Balancer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the cluster changes then: the load balancer has to try again by itself."""

    async def work() -> None:
        monkeypatch.setattr(ports, "choose", _none_free)
        await balancer.serve(program())
        assert "taken" in balancer.listening.refused["llm/gw/https"]
        assert not balancer.listening.is_due, "not at once"
        monkeypatch.setattr("sandbox.balancer.listening._RETRY_SECONDS", 0.0)
        assert balancer.listening.is_due
        monkeypatch.undo()
        await balancer.serve(program())
        assert balancer.listening.urls
        assert not balancer.listening.is_due

    run(balancer, work)


def test_long_names_fit_into_a_certificate(tmp_path: Path) -> None:
    """A common name has at most 64 characters; a namespace, a Gateway and a listener have more together."""
    name = "_".join(("n" * 40, "g" * 40, "https"))
    certificate.local(tmp_path, name, ["*.example.com", "203.0.113.7"])
    made = x509.load_pem_x509_certificate((tmp_path / f"{name}.crt").read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "*.example.com" in names.get_values_for_type(x509.DNSName)
