"""Azure's management API and its token service for tests: as much of them as reading a lifecycle policy takes.

There is no such server to be had: Azurite has no management, and the real one needs a subscription. So this answers over
real HTTPS in the forms of https://learn.microsoft.com/en-us/rest/api/storagerp and
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow, and Azure's own SDKs speak to it.
"""

from __future__ import annotations

import json
import secrets
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

TENANT = "11111111-2222-3333-4444-555555555555"
SUBSCRIPTION = "66666666-7777-8888-9999-000000000000"
STORAGE = "Microsoft.Storage/storageAccounts"
Answer = tuple[int, dict[str, Any]]
_PAGE = 2  # accounts in one answer


@dataclass
class AzureManagement:
    """A tenant with one subscription.

    :param url: of the token service and of the management API.
    :param certificate: the file with its own certificate, which no authority has signed.
    """

    url: str = ""
    certificate: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    grants: dict[str, set[str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: int = 0
    requests: list[str] = field(default_factory=list)

    def principal(self, name: str, *granted: str) -> str:
        """Makes an identity that may do what is granted, and returns its secret."""
        self.secrets[name], self.grants[name] = f"~{secrets.token_urlsafe(24)}", set(granted)
        return self.secrets[name]

    def reset(self) -> None:
        for store in (self.secrets, self.grants, self.tokens, self.accounts, self.policies):
            store.clear()
        self.requests.clear()
        self.broken = 0

    def get(self, path: str, query: str, token: str) -> Answer:
        """An answer of the management API, or the metadata by which the token service is found."""
        self.requests.append(path)
        if path.endswith("/.well-known/openid-configuration"):
            return 200, self._metadata()
        if self.broken:
            return self.broken, _error("InternalServerError")
        who = self.tokens.get(token)
        if who is None:
            return 401, _error("InvalidAuthenticationToken")
        action = f"{STORAGE}/managementPolicies/read" if "/managementPolicies/" in path else f"{STORAGE}/read"
        if action not in self.grants[who]:
            return 403, _error("AuthorizationFailed")
        return self._policy(path) if "/managementPolicies/" in path else self._accounts(path, query)

    def token(self, form: dict[str, list[str]]) -> Answer:
        """A token for a client's secret."""
        name, secret = form["client_id"][0], form["client_secret"][0]
        if name not in self.secrets:
            return 400, _refusal("unauthorized_client", 700016, f"Application with identifier '{name}' was not found")
        if self.secrets[name] != secret:
            return 401, _refusal("invalid_client", 7000215, f"Invalid client secret provided for app '{name}'")
        token = secrets.token_urlsafe(32)
        self.tokens[token] = name
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": token}

    def _metadata(self) -> dict[str, str]:
        return {
            "issuer": f"{self.url}/{TENANT}/v2.0",
            "authorization_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/authorize",
            "token_endpoint": f"{self.url}/{TENANT}/oauth2/v2.0/token",
        }

    def _policy(self, path: str) -> Answer:
        group, account = path.split("/")[4], path.split("/")[8]
        if self.accounts.get(account) != group:
            return 404, _error("ResourceNotFound")
        if account not in self.policies:
            return 404, _error("ManagementPolicyNotFound")
        return 200, self.policies[account]

    def _accounts(self, path: str, query: str) -> Answer:
        start = int(parse_qs(query).get("start", ["0"])[0])
        names = sorted(self.accounts)[start : start + _PAGE]
        found = [{"name": name, "type": STORAGE, "id": self._id(name)} for name in names]
        more = f"{self.url}{path}?start={start + _PAGE}&api-version=1" if start + _PAGE < len(self.accounts) else None
        return 200, {"value": found, **({"nextLink": more} if more else {})}

    def _id(self, name: str) -> str:
        return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{self.accounts[name]}/providers/{STORAGE}/{name}"


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"The server says {code}."}}


def _refusal(error: str, code: int, text: str) -> dict[str, Any]:
    return {"error": error, "error_description": f"AADSTS{code}: {text}.", "error_codes": [code]}


@contextmanager
def azure_management() -> Iterator[AzureManagement]:
    """A running server on a free port."""
    management = AzureManagement()
    with (
        tempfile.TemporaryDirectory() as directory,
        ThreadingHTTPServer(("127.0.0.1", 0), _handler(management)) as server,
    ):
        management.certificate, key = _certificate(Path(directory))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(management.certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        management.url = f"https://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield management
        finally:
            server.shutdown()
            thread.join()


def _handler(management: AzureManagement) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self._answer(*management.get(parts.path, parts.query, token))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(*management.token(parse_qs(body.decode())))

        def log_message(self, *_: Any) -> None:
            """The original writes every request to stderr."""

        def _answer(self, status: int, told: dict[str, Any]) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _certificate(directory: Path) -> tuple[str, str]:
    """Files with a certificate for this server's address and with its key."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Azure for tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    certificate, secret = directory / "certificate.pem", directory / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(certificate), str(secret)
