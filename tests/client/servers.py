"""Servers on this machine that answer, redirect, cut off or keep silent, as a network does."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
# Answers what was asked: status, body, headers.
Answer = tuple[int, bytes, dict[str, str]]


@dataclass
class Seen:
    """One request as the server saw it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """A running HTTP server: its address, and what it was asked so far."""

    url: str
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def http_server(answer: Callable[[Seen], Answer], tls: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    """Serves until the block ends.

    :param answer: makes the answer to each request.
    :param tls: serves HTTPS with this context.
    """
    running = HttpServer("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            running.seen.append(Seen(self.command, self.path, headers, self.rfile.read(length)))
            status, body, extra = answer(running.seen[-1])
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), "Connection": "close", **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_CONNECT = handle_one  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    running.url = f"http{'s' if tls else ''}://{HOST}:{server.server_port}"
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A TCP server that reads one request's head on each connection and then lets ``talk`` do as it likes."""
    listener = socket.create_server((HOST, 0))
    stop = threading.Event()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                if stop.is_set():
                    return
                connection.recv(65536)
                talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    try:
        yield f"http://{HOST}:{port}"
    finally:
        stop.set()
        socket.create_connection((HOST, port)).close()
        thread.join()
        listener.close()


def reset(connection: socket.socket) -> None:
    """Half an answer, then a TCP reset."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def truncate(connection: socket.socket) -> None:
    """Half an answer, then a proper end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhal")


def hang_up(connection: socket.socket) -> None:
    """No answer at all."""


def keep_silent(connection: socket.socket) -> None:
    """No answer until the client gives up."""
    connection.recv(1)


def talk_nonsense(connection: socket.socket) -> None:
    """An answer that is no HTTP."""
    connection.sendall(b"nonsense\r\n\r\n")


def answer_with_a_broken_header(connection: socket.socket) -> None:
    """An answer that urllib3 warns of and reads nevertheless."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nbroken header\r\n\r\nok")


def free_port() -> int:
    """A port where nothing listens."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def own_authority(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server context for 127.0.0.1, certified by an authority that nobody knows, and the path of a bundle that trusts it."""
    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    bundle, chain, key_file = folder / "ca.pem", folder / "server.pem", folder / "key.pem"
    bundle.write_bytes(_certificate("authority", authority, authority, ca=True))
    chain.write_bytes(_certificate(HOST, server, authority, ca=False))
    key_file.write_bytes(
        server.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key_file)
    return context, str(bundle)


def _certificate(name: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
    now = dt.datetime.now(dt.UTC)
    subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, "authority"))
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not ca:
        address = x509.IPAddress(ipaddress.ip_address(HOST))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
