"""Rotations of every other kind of credentials than S3's access keys, each on a real storage server that refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.fernet import Fernet

from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.datasources import (
    CREDENTIALS,
    AzureConfig,
    GcsConfig,
    ObsConfig,
    S3Config,
)
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.testing import LightlyEmulator
from tests.airflow_faces.rotation_stage import PUT, WRONG, Played, counts
from tests.airflow_faces.variables import Variables
from tests.azurite_server import ACCOUNT, Azurite, new_key
from tests.gcs_server import ALL, GcsServer
from tests.s3_server import Key, S3Server

pytestmark = pytest.mark.slow
KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/one"
FIRST_ID, SECOND_ID = "cameras/Lightly+2026", "cameras/Lightly+2027"
EVERYTHING, ASSUME = ("s3:*", "*"), ("sts:AssumeRole", "*")
Fields = dict[str, Any]


@dataclass
class Cloud(Played):
    """A bucket or container in which two credentials work.

    :param first: the connection that datasets begin with.
    :param second: the one that is rotated to.
    :param revoke: takes the first credentials away.
    :param wrong: a connection whose credentials the storage refuses, for the reason ``cause``.
    :param options: what else is said where a datasource is set.
    :param enforced: within which the storage refuses.
    """

    first: Fields
    second: Fields
    revoke: Callable[[], None]
    wrong: Fields
    cause: str
    options: Fields = field(default_factory=dict)
    enforced: AbstractContextManager[None] = field(default_factory=nullcontext)

    def connect(self, fields: Fields) -> None:
        self.write("CAMERAS", **fields)

    def begun(self, **changed: Any) -> str:
        """A dataset with the first credentials, and the connection that has the second ones, or what is said, by now."""
        self.connect(self.first)
        dataset_id = self.dataset("cameras", **self.options)
        self.connect({**self.second, **changed})
        return dataset_id

    def held(self, dataset_id: str) -> list[Fields]:
        """What LightlyOne has, secrets included."""
        world = self.api.server.emulator.world
        found = [world.datasource_config(dataset_id, purpose) for purpose in ("INPUT", "LIGHTLY")]
        return [wire(one) for one in found if one is not None]

    def kept(self, dataset_id: str) -> list[Fields]:
        """The same without what a rotation replaces."""
        replaced = {*CREDENTIALS, "type"}
        return [{name: value for name, value in one.items() if name not in replaced} for one in self.held(dataset_id)]

    def goes_over(self, dataset_id: str) -> None:
        """Both datasources are rotated, LightlyOne gets in, and nothing but credentials has changed."""
        before, had = self.kept(dataset_id), self.held(dataset_id)
        rotated = {"counts": counts(rotated=2), "rotated": [dataset_id], "dry_run": False}
        assert self.rotate(dataset_id, None) == rotated
        assert self.verified(dataset_id)
        assert self.kept(dataset_id) == before
        assert all(new != old for new, old in zip(self.held(dataset_id), had, strict=True))


def google(key: dict[str, str], **extra: Any) -> Fields:
    extra = {"project": "of-the-bucket", "keyfile_dict": key, **extra}
    return {"conn_type": "google_cloud_platform", "extra": extra}


def on_google(gcs: GcsServer, api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A second key of the service account; then the first one is deleted."""
    first = gcs.service_account("lightly", *ALL)
    second, gone = gcs.add_key("lightly"), gcs.add_key("lightly")
    gcs.delete_key(gone)
    for name in ("input/a.jpg", "lightly/b.txt"):
        gcs.put("cameras", name, b"a")
    why = "the service account's key is not valid; was it deleted or rotated?"
    keys = google(first), google(second)
    return Cloud(api, monkeypatch, "gs://cameras", *keys, lambda: gcs.delete_key(first), google(gone), why)


def aws(key: Key, **extra: Any) -> Fields:
    return {"conn_type": "aws", "login": key[0], "password": key[1], "extra": {"region_name": "us-east-1", **extra}}


def fill(s3: S3Server) -> Key:
    for name in ("input/a.jpg", "lightly/b.txt"):
        s3.put("cameras", name, b"a")
    return s3.add_user("lightly", EVERYTHING, ASSUME)


def by_role(s3: S3Server, api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A second external id; then the role no longer trusts the first one. Airflow and LightlyOne assume it with one user."""
    key, roles = fill(s3), {"lightly": [EVERYTHING], "locked": [("s3:ListBucket", "*")]}
    arns = {name: s3.add_role(name, FIRST_ID, *allowed) for name, allowed in roles.items()}
    s3.trust("lightly", FIRST_ID, SECOND_ID)
    for name, value in {"ENDPOINT_URL_STS": s3.url, "ACCESS_KEY_ID": key[0], "SECRET_ACCESS_KEY": key[1]}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    first, second, wrong = (
        aws(key, role_arn=arns[name], assume_role_kwargs={"ExternalId": external_id})
        for name, external_id in (("lightly", FIRST_ID), ("lightly", SECOND_ID), ("locked", FIRST_ID))
    )
    return Cloud(
        api, monkeypatch, "s3://cameras", first, second, lambda: s3.trust("lightly", SECOND_ID), wrong,
        "(read needs s3:GetObject on arn:aws:s3:::cameras/input/*)",
        {"region": "eu-west-1", "server_side_encryption_kms_key": KMS_KEY}, s3.enforced(),
    )  # fmt: skip


def on_obs(s3: S3Server, api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A second access key, on a store that speaks S3; then the first one is deleted."""
    first, endpoint = fill(s3), {"endpoint_url": s3.url}
    keys = aws(first, **endpoint), aws(s3.add_key("lightly"), **endpoint)
    revoke, why = (lambda: s3.delete_key("lightly", first[0])), "the access key id is unknown"
    wrong = aws(WRONG, **endpoint)
    return Cloud(api, monkeypatch, "obs://cameras", *keys, revoke, wrong, why, enforced=s3.enforced())


def wasb(azurite: Azurite, token: str) -> Fields:
    return {"conn_type": "wasb", "login": ACCOUNT, "host": azurite.url, "extra": {"sas_token": token} if token else {}}


def on_azure(azurite: Azurite, api: LightlyEmulator, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A second SAS token of another stored access policy; then the first one's policy is taken away."""
    for name in ("input/a.jpg", "lightly/b.txt"):
        azurite.put("cameras", name, b"a")
    azurite.set_policies("cameras", "first", "second")
    first, second = (wasb(azurite, azurite.sas("", policy_id=policy)) for policy in ("first", "second"))
    wrong = wasb(azurite, azurite.sas("rwdl", key=new_key()))
    why = "the SAS token has expired, is for another container or was signed with a key since rotated"
    return Cloud(
        api, monkeypatch, "cameras", first, second, lambda: azurite.set_policies("cameras", "second"), wrong, why
    )  # fmt: skip


CLOUDS: dict[str, tuple[str, Any]] = {
    "google": ("gcs", on_google),
    "role": ("s3", by_role),
    "obs": ("s3", on_obs),
    "azure": ("azurite", on_azure),
}


@pytest.fixture
def cloud(
    request: pytest.FixtureRequest, lightly_api: LightlyEmulator, variables: Variables, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """The cloud of the test's parameter."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", Fernet.generate_key().decode())
    server, made = CLOUDS[request.param]
    one = made(request.getfixturevalue(server), lightly_api, monkeypatch)
    with ExitStack() as stack:
        stack.enter_context(one.enforced)
        yield one


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("cloud", names, indirect=True)


@on(*CLOUDS)
def test_the_whole_story(cloud: Cloud) -> None:
    """The second credentials are verified, the first revoked: LightlyOne still gets in. Nothing is sent the second time."""
    dataset_id = cloud.begun()
    cloud.goes_over(dataset_id)
    cloud.revoke()
    assert cloud.verified(dataset_id)
    assert cloud.rotate(dataset_id, None)["counts"] == counts(unchanged=2)
    # And that counts: the first ones open nothing any more.
    cloud.connect(cloud.first)
    told = cloud.failing(dataset_id, purpose=None, preflight=False)
    assert f"- {dataset_id}: INPUT and LIGHTLY broken: no permission to list on INPUT" in told


@on(*CLOUDS)
def test_refused_before(cloud: Cloud) -> None:
    """With the cause in the cloud's words; LightlyOne is told nothing and keeps what it has."""
    dataset_id = cloud.begun(**cloud.wrong)
    had = cloud.held(dataset_id)
    told = cloud.failing(dataset_id)
    assert (
        f"- {dataset_id} (cameras): INPUT refused before: LightlyOne could not use INPUT {cloud.place}/input/" in told
    )
    assert cloud.cause in told
    assert told.endswith("\n  What LightlyOne has still works")
    assert PUT not in cloud.gate.operations
    assert cloud.held(dataset_id) == had


OTHERS: dict[str, Any] = {
    "s3://": S3Config(
        purpose="INPUT", full_path="s3://others/", s3_region="eu-west-1", s3_access_key_id="a",
        s3_secret_access_key="b",
    ),
    "gs://": GcsConfig(purpose="INPUT", full_path="gs://others/", gcs_project_id="one", gcs_credentials="{}"),
    "obs://": ObsConfig(
        purpose="INPUT", full_path="obs://others/", obs_endpoint="https://obs.eu-de.example", obs_access_key_id="a",
        obs_secret_access_key="b",
    ),
    "azure": AzureConfig(purpose="INPUT", full_path="others/", account_name="one", account_key="sas"),
}  # fmt: skip
# Google's keys and those for AWS are not bound to a place; a store that speaks S3 may also have s3:// paths.
SAME = {"gs://cameras": ["gs://"], "s3://cameras": ["s3://"], "obs://cameras": ["s3://"]}


@on(*CLOUDS)
def test_all_datasets(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Those on other clouds, accounts and endpoints are left out, and counted."""
    dataset_id = cloud.begun()
    others = [one for name, one in OTHERS.items() if name not in SAME.get(cloud.place, [])]
    for number, config in enumerate(others):
        other = cloud.api.call(datasets.create_dataset(f"other-{number}", "Images")).id
        cloud.api.call(datasources.put_datasource(other, config))
    assert cloud.rotate(None) == {"counts": counts(rotated=1), "rotated": [dataset_id], "dry_run": False}
    told = f"Datasources that were left out: {len(others)} on another storage than the connection's "
    assert told in capsys.readouterr().out


@on("google")
def test_another_service_account(cloud: Cloud, gcs: GcsServer) -> None:
    """One of another project, of which the connection says no more: the bucket's project stays."""
    key = {**gcs.service_account("other", *ALL), "project_id": "of-the-account"}
    dataset_id = cloud.begun(**google(key, project=None))
    cloud.goes_over(dataset_id)
    assert [one["gcsProjectId"] for one in cloud.held(dataset_id)] == ["of-the-bucket"] * 2
    gcs.service_account("lightly")  # its keys stop working
    assert cloud.verified(dataset_id)
    assert cloud.rotate(dataset_id, None)["counts"] == counts(unchanged=2)


@on("role")
def test_another_role(cloud: Cloud, s3: S3Server) -> None:
    """Its ARN is what changes; the first role does not trust anybody then."""
    dataset_id = cloud.begun(**cloud.wrong)  # a role that may only list
    s3.allow_role("locked", EVERYTHING)
    cloud.goes_over(dataset_id)
    s3.trust("lightly", "nobody has this one")
    assert cloud.verified(dataset_id)
    assert cloud.rotate(dataset_id, None)["counts"] == counts(unchanged=2)


@on("role")
def test_an_external_id_that_only_lightlyone_can_try(cloud: Cloud) -> None:
    """Airflow could not assume the role either, which says nothing; LightlyOne's word has the previous one put back."""
    dataset_id = cloud.begun()
    cloud.revoke()
    cloud.connect(cloud.first)
    cloud.write("PREVIOUS", **cloud.second)
    told = cloud.failing(dataset_id, purpose=None, previous_conn_id="previous")
    assert "INPUT and LIGHTLY rolled back: no permission to list on INPUT s3://cameras/input/" in told
    assert "the role may not be assumed; check its trust policy and the external id" in told
    assert cloud.verified(dataset_id)


@on("role")
def test_from_an_access_key_to_a_role_and_back(cloud: Cloud, s3: S3Server) -> None:
    """Another way to the same bucket, with the same region, KMS key and thumbnails."""
    key = s3.add_key("lightly")
    cloud.first = aws(key)
    dataset_id = cloud.begun()
    for connection, kind in ((cloud.second, "S3DelegatedAccess"), (cloud.first, "S3")):
        cloud.connect(connection)
        cloud.goes_over(dataset_id)
        assert [one["type"] for one in cloud.held(dataset_id)] == [kind] * 2
        assert cloud.rotate(dataset_id, None)["counts"] == counts(unchanged=2)


@on("azure")
def test_from_a_sas_token_to_an_account_key_and_back(cloud: Cloud, azurite: Azurite) -> None:
    """A token is made of the account key anew each time; one that is given is unchanged the second time."""
    dataset_id = cloud.begun()
    cloud.connect({**wasb(azurite, ""), "password": azurite.key})
    cloud.goes_over(dataset_id)
    cloud.revoke()
    assert cloud.verified(dataset_id)
    time.sleep(1)  # a token ends with a whole second: within one, it is the same token
    cloud.goes_over(dataset_id)
    cloud.connect({**wasb(azurite, ""), "password": new_key()})
    assert cloud.cause in cloud.failing(dataset_id)
    cloud.connect(cloud.second)
    cloud.goes_over(dataset_id)
    assert cloud.rotate(dataset_id, None)["counts"] == counts(unchanged=2)
