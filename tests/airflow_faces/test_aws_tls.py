"""``verify`` of an ``aws`` connection: the preflight trusts what the connection says, as Airflow's own S3 hook does."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.operations import datasets
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.operators import LightlySetDatasourceOperator
from lightly_airflow.testing import LightlyEmulator
from tests.client.servers import Answer, Seen, http_server, own_authority
from tests.s3_server import S3Server

EXTERNAL_ID = "cameras/Lightly+2026"
KINDS = ("s3", "obs", "role")
NOT_TRUSTED = (
    "the storage's TLS certificate is not trusted here; name the file of your own authority in an aws connection"
)


class Secure:
    """An S3 server behind TLS.

    :param url: of the server.
    :param plain_url: of the same without TLS.
    :param bundle: path of a file that trusts its authority.
    """

    def __init__(self, url: str, plain_url: str, bundle: str) -> None:
        self.url = url
        self.plain_url = plain_url
        self.bundle = bundle


@pytest.fixture
def secure(s3: S3Server, tmp_path: Path) -> Iterator[Secure]:
    """moto behind TLS; its authority is known to nobody."""
    s3.put("cameras", "input/a.jpg", b"a")
    s3.add_role("lightly", EXTERNAL_ID, ("s3:*", "*"))
    context, bundle = own_authority(tmp_path)

    def answer(seen: Seen) -> Answer:
        kept = {name: value for name, value in seen.headers.items() if name not in ("host", "content-length")}
        request = urllib.request.Request(s3.url + seen.target, seen.body or None, kept, method=seen.method)
        with urllib.request.urlopen(request, timeout=10) as found:
            headers = {name: value for name, value in found.headers.items() if name not in ("Connection",)}
            return found.status, found.read(), headers

    with http_server(answer, context) as server:
        yield Secure(server.url, s3.url, bundle)


def set_input(
    api: LightlyEmulator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    secure: Secure,
    kind: str,
    **extra: Any,
) -> None:
    told = {"region_name": "eu-central-1", "endpoint_url": secure.url, **extra}
    if kind == "role":
        told |= {
            "role_arn": "arn:aws:iam::123456789012:role/lightly",
            "assume_role_kwargs": {"ExternalId": EXTERNAL_ID},
            # The Amazon provider hands verify to everything but STS.
            "service_config": {"sts": {"endpoint_url": secure.plain_url}},
        }
    connection = {"conn_type": "aws", "login": "key", "password": "secret", "extra": told}
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))
    LightlySetDatasourceOperator(
        task_id="set",
        dataset_id=api.call(datasets.create_dataset("secure", "Images")).id,
        resource_path=f"{'obs' if kind == 'obs' else 's3'}://cameras/input/",
        datasource_conn_id="cameras",
        purpose="INPUT",
    ).execute(context)


@pytest.mark.parametrize("kind", KINDS)
def test_ca_bundle(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    secure: Secure,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    """The authority in the file is trusted."""
    set_input(lightly_api, context, monkeypatch, secure, kind, verify=secure.bundle)
    assert "  list      yes\n  read      yes\n" in caplog.text


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("verify", [False, "false"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_verification(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    secure: Secure,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    verify: bool | str,
) -> None:
    """Whatever the certificate is, it will do; the log warns of it."""
    set_input(lightly_api, context, monkeypatch, secure, kind, verify=verify)
    assert "  list      yes\n  read      yes\n" in caplog.text
    assert (
        "Connection cameras does not verify TLS certificates here; LightlyOne does not learn" in capsys.readouterr().out
    )


@pytest.mark.parametrize("extra", [{}, {"verify": True}])
@pytest.mark.parametrize("kind", ["s3", "obs"])
def test_unknown_authority(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    secure: Secure,
    kind: str,
    extra: dict[str, Any],
) -> None:
    """Verified is the rule, and the message says where the authority's file belongs."""
    with pytest.raises(LightlyPermissionError, match=NOT_TRUSTED):
        set_input(lightly_api, context, monkeypatch, secure, kind, **extra)


def test_bundle_of_the_environment(
    lightly_api: LightlyEmulator, context: dict[str, Any], monkeypatch: pytest.MonkeyPatch, secure: Secure
) -> None:
    """Where there is no connection, as in the emulator, OpenSSL's own variable names the file."""
    monkeypatch.setenv("SSL_CERT_FILE", secure.bundle)
    set_input(lightly_api, context, monkeypatch, secure, "s3")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["gone.pem", "empty.pem"])
def test_no_bundle(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    secure: Secure,
    tmp_path: Path,
    name: str,
    kind: str,
) -> None:
    """A file that is not there, or has no certificate, is named."""
    (tmp_path / "empty.pem").touch()
    path = str(tmp_path / name)
    with pytest.raises(LightlyInputError) as caught:
        set_input(lightly_api, context, monkeypatch, secure, kind, verify=path)
    told = f"connection 'cameras': verify names {path}, which is no file with CA certificates on this machine"
    assert str(caught.value) == told
