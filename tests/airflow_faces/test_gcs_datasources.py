"""``google_cloud_platform`` connections: what they become, what is refused, and a night's curation from Google to S3."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.exceptions import LightlyPermissionError
from lightly_airflow.hooks.datasource import DatasourceOptions, datasource_hook
from lightly_airflow.operators import (
    LightlyScheduleRunOperator,
    LightlySetDatasourceOperator,
    LightlyVerifyDatasourceOperator,
)
from lightly_airflow.testing import LightlyEmulator
from tests.gcs_server import ALL, GcsServer
from tests.pictures import pictures
from tests.s3_server import S3Server

PATH = "gs://cameras/input/"
SELECTION = {"n_samples": 3, "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}]}
KEY_FIELD = "keyfile_dict"
Connect = Callable[..., None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Makes the connection ``cameras`` with that extra."""

    def make(**extra: Any) -> None:
        connection = {"conn_type": "google_cloud_platform", "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))

    return make


@pytest.fixture(scope="module")
def key(running_gcs: GcsServer) -> dict[str, str]:
    """A key file that only this module's pure tests use."""
    return running_gcs.service_account("reader-of-connections")


def config(path: str = PATH) -> dict[str, Any]:
    return wire(datasource_hook("cameras", path).config(path, "INPUT", DatasourceOptions(None)))


def refusal(path: str = PATH) -> str:
    """The message of a refused connection; nothing in its traceback's chain holds a key."""
    with pytest.raises(LightlyConfigError) as caught:
        config(path)
    assert "PRIVATE" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_wire_body(connect: Connect, key: dict[str, str]) -> None:
    """The key file travels as one JSON string."""
    connect(keyfile_dict=key, project="of-the-connection")
    body = config()
    assert json.loads(body.pop("gcsCredentials")) == key
    assert body == {
        "type": "GCS",
        "purpose": "INPUT",
        "fullPath": PATH,
        "gcsProjectId": "of-the-connection",
    }


def test_project_of_the_key_file(connect: Connect, key: dict[str, str]) -> None:
    """Where the connection names no project, the key file does; where neither does, it is asked for."""
    connect(keyfile_dict=key)
    assert config()["gcsProjectId"] == "project-of-tests"
    connect(keyfile_dict={**key, "project_id": ""})
    assert refusal() == "connection 'cameras': no project; put the bucket's project id into the extra's project"


@pytest.mark.parametrize("form", ["text", "real newlines", "escaped twice", "prefixed", "file"])
def test_every_form_of_a_key(connect: Connect, key: dict[str, str], form: str, tmp_path: Path) -> None:
    """However the key is put into the connection, LightlyOne gets the same."""
    text = json.dumps(key)
    (tmp_path / "key.json").write_text(text)
    forms: dict[str, dict[str, Any]] = {
        "text": {KEY_FIELD: text},
        "real newlines": {KEY_FIELD: text.replace("\\n", "\n")},
        "escaped twice": {KEY_FIELD: text.replace("\\n", "\\\\n")},
        "prefixed": {f"extra__google_cloud_platform__{KEY_FIELD}": text},
        "file": {"key_path": str(tmp_path / "key.json")},
    }
    connect(**forms[form])
    assert json.loads(config()["gcsCredentials"]) == key


def test_key_from_the_secret_manager(connect: Connect, key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret's newest version is read with Airflow's own identity. There is no local Secret Manager to ask."""
    asked: list[str] = []

    class Client:
        def __init__(self, credentials: Any) -> None:
            assert credentials == "own identity"

        def access_secret_version(self, name: str) -> Any:
            asked.append(name)
            data = type("Data", (), {"data": json.dumps(key).encode()})
            return type("Answer", (), {"payload": data})

    monkeypatch.setattr("google.auth.default", lambda: ("own identity", "own-project"))
    monkeypatch.setattr("google.cloud.secretmanager.SecretManagerServiceClient", Client)
    connect(key_secret_name="lightly-key")
    assert json.loads(config()["gcsCredentials"]) == key
    assert asked == ["projects/own-project/secrets/lightly-key/versions/latest"]


def test_secret_that_cannot_be_read(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an identity of its own, Airflow says what is missing."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/gone/key.json")
    connect(key_secret_name="lightly-key")
    assert refusal() == (
        "connection 'cameras': the secret 'lightly-key' of key_secret_name cannot be read (DefaultCredentialsError);"
        " check its name, key_secret_project_id, and secretmanager.versions.access for Airflow's own Google identity"
    )


DO = "put the JSON key of a service account into keyfile_dict"


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (
            {"is_anonymous": True},
            f"is_anonymous is set, but LightlyOne has no anonymous access, not even to public buckets; {DO}",
        ),
        (
            {"impersonation_chain": "other@project.iam.gserviceaccount.com"},
            "impersonation_chain is set, but LightlyOne cannot impersonate a service account;"
            " put the JSON key of that account itself into keyfile_dict",
        ),
        (
            {"credential_config_file": "/etc/federation.json"},
            f"credential_config_file is set, but workload identity federation cannot be given to LightlyOne; {DO}",
        ),
        (
            {"idp_issuer_url": "https://idp.example.com"},
            f"idp_issuer_url is set, but an external identity provider's tokens cannot be given to LightlyOne; {DO}",
        ),
        ({}, f"no key; application default credentials cannot be given to LightlyOne, so {DO}"),
        (
            {"key_path": "/keys/key.p12"},
            "key_path '/keys/key.p12' is no JSON key file; create a key of type JSON, not P12",
        ),
        (
            {"key_path": "/gone/key.json"},
            "the file at key_path '/gone/key.json' cannot be read by this Airflow process",
        ),
        (
            {"keyfile_dict": '{"private_key": "-----BEGIN PRIVATE'},
            "keyfile_dict is no JSON: it breaks off or goes wrong at line 1, column 17; paste the key file as it is",
        ),
        (
            {"keyfile_dict": {"type": "authorized_user", "private_key": "PRIVATE"}},
            f'the key file is no service account\'s, whose "type" is "service_account"; {DO}',
        ),
        (
            {"keyfile_dict": {"type": "service_account", "private_key": "PRIVATE"}},
            "the key file lacks client_email, token_uri; take the file as Google made it",
        ),
        (
            {
                "keyfile_dict": dict.fromkeys(("private_key", "client_email", "token_uri"), "x")
                | {"type": "service_account"}
            },
            "the key file's private_key is damaged; take the file as Google made it",
        ),
    ],
)
def test_refused_connections(connect: Connect, extra: dict[str, Any], told: str) -> None:
    """What LightlyOne cannot use is refused with what to do instead."""
    connect(**extra)
    assert refusal() == f"connection 'cameras': {told}"


def test_path_of_another_storage(connect: Connect, key: dict[str, str]) -> None:
    """The connection's type decides which path fits."""
    connect(keyfile_dict=key)
    assert refusal("s3://cameras/") == "'s3://cameras/' is no Google Cloud Storage path; write gs://bucket/dir/"


def test_missing_extra(connect: Connect, key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without google-auth, the line that installs it."""
    monkeypatch.setitem(sys.modules, "google.auth.crypt", None)
    connect(keyfile_dict=key)
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"pip install 'lightly-airflow\[google\]'"):
        config()


def test_grants_name_bucket_and_role(connect: Connect, key: dict[str, str]) -> None:
    """What to grant is told for each of the four permissions."""
    connect(keyfile_dict=key)
    grants = datasource_hook("cameras", PATH).GRANTS
    assert set(grants) == {"list", "read", "write", "overwrite"}
    assert grants["list"].format(bucket="cameras", prefix="input/") == (
        "storage.objects.list on gs://cameras, which the role Storage Object Viewer has"
    )


def set_datasource(dataset_id: str, path: str, conn_id: str, purpose: str) -> LightlySetDatasourceOperator:
    return LightlySetDatasourceOperator(
        task_id="t", dataset_id=dataset_id, resource_path=path, datasource_conn_id=conn_id, purpose=purpose
    )


def curate(api: LightlyEmulator, context: dict[str, Any], places: dict[str, tuple[str, str]]) -> Any:
    """A whole night: dataset, datasources, verification, run. Returns the run's summary."""
    dataset_id = api.call(datasets.create_dataset("cameras", "Images")).id
    for purpose, (path, conn_id) in places.items():
        set_datasource(dataset_id, path, conn_id, purpose).execute(context)
    LightlyVerifyDatasourceOperator(task_id="t", dataset_id=dataset_id).execute(context)
    return LightlyScheduleRunOperator(
        task_id="t", dataset_id=dataset_id, selection_config=SELECTION, poll_interval=0.1, deferrable=False
    ).execute(context)


def put_pictures(gcs: GcsServer) -> None:
    for name, content in pictures().items():
        gcs.put("cameras", f"input/{name}", content)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Everything that was logged and printed."""
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text + "".join(capsys.readouterr())


def secrets(gcs: GcsServer, key: dict[str, str]) -> list[str]:
    """The private key line by line, and every token that was ever given out."""
    return [line for line in key["private_key"].split("\n") if line] + list(gcs.tokens)


def test_a_night_from_google_to_s3(
    lightly_emulator: LightlyEmulator,
    context: dict[str, Any],
    gcs: GcsServer,
    s3: S3Server,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    told: Callable[[], str],
) -> None:
    """Images are read from Google with a viewer's key, results are written to S3, and nothing told has the key."""
    key = gcs.service_account("viewer", "list", "get")
    connect(keyfile_dict=key)
    aws = {"conn_type": "aws", "login": "AKIAKEY", "password": "secret", "extra": {"region_name": "eu-central-1"}}
    monkeypatch.setenv("AIRFLOW_CONN_RESULTS", json.dumps(aws))
    put_pictures(gcs)
    s3.put("results", "lightly/", b"")
    places = {"INPUT": (PATH, "cameras"), "LIGHTLY": ("s3://results/lightly/", "results")}
    summary = curate(lightly_emulator, context, places)
    assert (summary["state"], summary["counts"]["selected"]) == ("COMPLETED", 3)
    assert len(s3.keys("results", "lightly/.lightly/thumbnails/")) == 3
    shown = told() + json.dumps(summary)
    assert not [secret for secret in secrets(gcs, key) if secret in shown]


def test_a_night_on_google(
    lightly_emulator: LightlyEmulator, context: dict[str, Any], gcs: GcsServer, connect: Connect
) -> None:
    """One bucket holds the images and, in another directory, the results."""
    connect(keyfile_dict=gcs.service_account("curator", *ALL))
    put_pictures(gcs)
    gcs.put("cameras", "lightly/", b"")
    places = {"INPUT": (PATH, "cameras"), "LIGHTLY": ("gs://cameras/lightly/", "cameras")}
    summary = curate(lightly_emulator, context, places)
    assert (summary["state"], summary["counts"]["selected"]) == ("COMPLETED", 3)
    assert sum("/.lightly/thumbnails/" in name for name in gcs.objects("cameras")) == 3


def test_rotated_key_is_found_before_lightly_is_told(
    lightly_api: LightlyEmulator,
    context: dict[str, Any],
    dataset_id: str,
    gcs: GcsServer,
    connect: Connect,
    told: Callable[[], str],
) -> None:
    """The preflight says reason and remedy, the old datasource stays, and nothing told has the key."""
    key = gcs.service_account("viewer", "list", "get")
    connect(keyfile_dict=key)
    put_pictures(gcs)
    gcs.service_account("viewer", "list", "get")
    with pytest.raises(LightlyPermissionError) as caught:
        set_datasource(dataset_id, PATH, "cameras", "INPUT").execute(context)
    reason = f"cannot list {PATH}: the service account's key is not valid; was it deleted or rotated?"
    assert reason in str(caught.value)
    assert [source["type"] for source in lightly_api.call(datasources.all_datasources(dataset_id))] == ["S3", "S3"]
    shown = told() + "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in secrets(gcs, key) if secret in shown]
