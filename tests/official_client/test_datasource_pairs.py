"""Every kind of INPUT with every kind of LIGHTLY: our hooks and LightlyOne's own client tell LightlyOne the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

import pytest

from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.datasources import DEFAULT_THUMB_SUFFIX, Purpose
from lightly_airflow.hooks.datasource import DatasourceOptions, datasource_hook
from lightly_airflow.testing import LightlyEmulator, emulator
from tests.gcs_server import GcsServer
from tests.official_client.client import ask_client, needs_client

pytestmark = needs_client


class Kind(NamedTuple):
    """The same values, once for the client and once as an Airflow connection.

    :param helper: the client's helper.
    :param path: the directory; ``{}`` stands for the purpose.
    :param arguments: what the helper takes beside path, purpose and thumbnail suffix.
    :param connection: the Airflow connection; ``None`` where none is needed.
    """

    helper: str
    path: str
    arguments: dict[str, str]
    connection: dict[str, Any] | None


KINDS = ("S3", "S3DelegatedAccess", "AZURE", "GCS", "OBS", "LOCAL")
PAIRS = list(product(KINDS, KINDS))
PURPOSES: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
SUFFIXES: dict[Purpose, str | None] = {"INPUT": None, "LIGHTLY": DEFAULT_THUMB_SUFFIX}
KEY, SECRET = "AKIAKEY", "s3cr3t/with+signs"
ROLE, EXTERNAL_ID = "arn:aws:iam::123456789012:role/lightly", "an-id/with+signs"
ENDPOINT = "https://obs.eu-de.otc.t-systems.com"
SAS_TOKEN = "?sv=2025-07-05&sr=c&sp=rwdl&se=2099-01-01T00%3A00%3A00Z&sig=abc%2Bdef%2Fghi%3D"


def kinds(key_file: dict[str, str]) -> dict[str, Kind]:
    """Every kind of datasource.

    :param key_file: of a Google service account.
    """
    delegated = {"role_arn": ROLE, "assume_role_kwargs": {"ExternalId": EXTERNAL_ID}, "region_name": "eu-central-1"}
    return {
        "S3": Kind(
            "set_s3_config",
            "s3://cameras/{}/",
            {"region": "us-gov-west", "access_key": KEY, "secret_access_key": SECRET},
            {"conn_type": "aws", "login": KEY, "password": SECRET, "extra": {"region_name": "us-gov-west-1"}},
        ),
        "S3DelegatedAccess": Kind(
            "set_s3_delegated_access_config",
            "s3://cameras/{}/",
            {"region": "eu-central-1", "role_arn": ROLE, "external_id": EXTERNAL_ID},
            {"conn_type": "aws", "extra": delegated},
        ),
        "AZURE": Kind(
            "set_azure_config",
            "cameras/{}/",
            {"account_name": "nightlycameras", "sas_token": SAS_TOKEN},
            {"conn_type": "wasb", "login": "nightlycameras", "extra": {"sas_token": SAS_TOKEN}},
        ),
        "GCS": Kind(
            "set_gcs_config",
            "gs://cameras/{}/",
            {"project_id": "night", "credentials": json.dumps(key_file)},
            {"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": key_file, "project": "night"}},
        ),
        "OBS": Kind(
            "set_obs_config",
            "obs://cameras/{}/",
            {"obs_endpoint": ENDPOINT, "obs_access_key_id": KEY, "obs_secret_access_key": SECRET},
            {"conn_type": "aws", "login": KEY, "password": SECRET, "extra": {"endpoint_url": ENDPOINT}},
        ),
        "LOCAL": Kind("set_local_config", "cameras/{}/", {}, None),
    }


@pytest.fixture(scope="module")
def known(running_gcs: GcsServer) -> dict[str, Kind]:
    return kinds(running_gcs.service_account("pairs"))


@pytest.fixture(scope="module")
def lightly() -> Iterator[LightlyEmulator]:
    with emulator() as running:
        yield running


@pytest.fixture(scope="module")
def dataset_ids(lightly: LightlyEmulator, known: dict[str, Kind]) -> dict[str, str]:
    """Datasets with the two datasources that the client has set: name -> id."""
    wanted = {
        name(pair): [client_call(known[kind], purpose) for kind, purpose in zip(pair, PURPOSES, strict=True)]
        for pair in PAIRS
    }
    ids: dict[str, str] = ask_client(lightly, "datasources.py", given=json.dumps(wanted))
    return ids


def name(pair: Sequence[str]) -> str:
    return "-to-".join(pair)


def client_call(kind: Kind, purpose: Purpose) -> tuple[str, str, dict[str, str | None]]:
    """Helper, path and the helper's other arguments."""
    options = {"purpose": purpose, "thumbnail_suffix": SUFFIXES[purpose]}
    return kind.helper, kind.path.format(purpose.lower()), {**kind.arguments, **options}


def hooks_body(kind: Kind, purpose: Purpose, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What our hook makes of the Airflow connection."""
    monkeypatch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(kind.connection))
    path = kind.path.format(purpose.lower())
    hook = datasource_hook("cameras" if kind.connection else None, path)
    return wire(hook.config(path, purpose, DatasourceOptions(thumbnail_suffix=SUFFIXES[purpose])))


@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_the_same_as_the_client(
    lightly: LightlyEmulator,
    known: dict[str, Kind],
    dataset_ids: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    pair: tuple[str, str],
) -> None:
    """Both bodies, whole and with their secrets."""
    for kind, purpose in zip(pair, PURPOSES, strict=True):
        stored = lightly.server.emulator.world.datasource_config(dataset_ids[name(pair)], purpose)
        assert stored is not None
        assert stored.type == kind
        assert hooks_body(known[kind], purpose, monkeypatch) == wire(stored)
