"""Google datasources against a server that checks signatures and permissions."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from pydantic import SecretStr

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import GcsConfig, Purpose
from lightly_airflow.storage.access import Access, check_access
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.listing import list_objects
from lightly_airflow.storage.objects import read_object, write_object
from lightly_airflow.storage.stores import open_store
from tests.gcs_server import ALL, GcsServer

PLACE = "gs://cameras/raw/"


def config(key: Any, path: str = PLACE, purpose: Purpose = "LIGHTLY") -> GcsConfig:
    credentials = SecretStr(key if isinstance(key, str) else json.dumps(key))
    return GcsConfig(purpose=purpose, full_path=path, gcs_project_id="project", gcs_credentials=credentials)


def access(key: Any, path: str = PLACE, purpose: Purpose = "LIGHTLY") -> Access:
    return check_access(open_store(config(key, path, purpose)), purpose)


def reasons(found: Access) -> set[str]:
    """Why permissions are missing, without what was tried."""
    return {problem.partition(": ")[2] for problem in found.errors.values()}


def test_all_four_permissions_suffice(gcs: GcsServer) -> None:
    """All are proven, and the probe is gone afterwards."""
    gcs.put("cameras", "raw/a.jpg", b"a")
    assert access(gcs.service_account("curator", *ALL)) == Access(True, True, True, True)
    assert list(gcs.objects("cameras")) == ["raw/a.jpg"]


def test_listing_and_reading_suffice_for_input(gcs: GcsServer) -> None:
    """INPUT needs no more than the role Storage Object Viewer."""
    gcs.put("cameras", "raw/a.jpg", b"a")
    assert access(gcs.service_account("reader", "list", "get"), purpose="INPUT") == Access(True, True)


@pytest.mark.parametrize(
    ("missing", "lost", "words"),
    [
        ("list", {"can_list"}, "the service account lacks storage.objects.list"),
        ("get", {"can_read"}, "the service account lacks storage.objects.get"),
        ("create", {"can_write", "can_overwrite"}, "the service account lacks storage.objects.create"),
        ("delete", {"can_overwrite"}, "the service account lacks storage.objects.delete, which overwriting needs"),
    ],
)
def test_each_missing_permission_is_named(gcs: GcsServer, missing: str, lost: set[str], words: str) -> None:
    """One permission less costs just what it is needed for, and the reason says its name."""
    gcs.put("cameras", "raw/a.jpg", b"a")
    found = access(gcs.service_account("narrow", *(set(ALL) - {missing})))
    assert set(found.errors) == lost
    assert reasons(found) == {words}


def test_missing_bucket(gcs: GcsServer) -> None:
    """The bucket is named."""
    key = gcs.service_account("curator", *ALL)
    assert reasons(access(key, "gs://nowhere/raw/")) == {"the bucket 'nowhere' does not exist"}


def test_rotated_key(gcs: GcsServer) -> None:
    """An older key is refused with the likely reason, the new one gets in."""
    gcs.put("cameras", "raw/a.jpg", b"a")
    old, new = (gcs.service_account("curator", *ALL) for _ in range(2))
    assert reasons(access(old)) == {"the service account's key is not valid; was it deleted or rotated?"}
    assert not access(new).errors


def test_deleted_account(gcs: GcsServer) -> None:
    """An account that is gone is told apart from a key that is gone."""
    key = gcs.service_account("curator", *ALL) | {"client_email": "gone@project.iam.gserviceaccount.com"}
    assert reasons(access(key)) == {"the service account does not exist (any more)"}


def test_unreachable_token_service(gcs: GcsServer) -> None:
    """A firewall before Google's token service is no matter of permissions."""
    key = gcs.service_account("curator", *ALL) | {"token_uri": "http://127.0.0.1:9/token"}
    assert reasons(access(key)) == {"Google's token service cannot be reached; check the network"}


def test_lists_over_pages(gcs: GcsServer) -> None:
    """Names are relative, markers and neighbours with the same prefix are left out."""
    for name in ("raw/", "raw/a.jpg", "raw/b.jpg", "raw/c.jpg", "raw/day/ü b%20&.jpg", "rawer/x.jpg"):
        gcs.put("cameras", name, b"" if name.endswith("/") else b"12")
    found = list(list_objects(open_store(config(gcs.service_account("reader", "list")))))
    assert [item.path for item in found] == ["a.jpg", "b.jpg", "c.jpg", "day/ü b%20&.jpg"]
    assert {item.size for item in found} == {2}
    assert found[0].last_modified.isoformat() == "2026-01-02T03:04:05.678000+00:00"


def test_writes_and_reads(gcs: GcsServer) -> None:
    """What is written is read back, the second time in place of the first."""
    gcs.put("cameras", "raw/a.jpg", b"a")
    store = open_store(config(gcs.service_account("curator", *ALL)))
    for content in (b"one", b"two"):
        write_object(store, ".lightly/x y", content)
        assert read_object(store, ".lightly/x y") == content


def test_host_without_scheme(gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """STORAGE_EMULATOR_HOST may be host and port alone, as for Google's clients."""
    gcs.put("cameras", "raw/a.jpg", b"a")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url.removeprefix("http://"))
    assert not access(gcs.service_account("curator", *ALL)).errors


def test_credentials_of_the_environment_are_ignored(gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the datasource's own key counts."""
    gcs.put("cameras", "raw/a.jpg", b"a")
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "of-the-environment")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/of/the/environment.json")
    assert not access(gcs.service_account("curator", *ALL)).errors


@pytest.mark.parametrize("damage", ["no JSON", "[]", '{"type": "service_account"}', "pem"])
def test_damaged_credentials(gcs: GcsServer, damage: str) -> None:
    """Whatever is no key file is refused before anything is sent, without a word of it."""
    key = gcs.service_account("curator") | {"private_key": "-----BEGIN PRIVATE KEY-----\nCANARY\n"}
    with pytest.raises(LightlyConfigError, match="no service account's key file") as caught:
        open_store(config(key if damage == "pem" else damage))
    assert caught.value.__context__ is None
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_nothing_shows_the_key(gcs: GcsServer) -> None:
    """Neither a store nor an error nor its traceback holds the key or a token."""
    key = gcs.service_account("curator", "list")
    gcs.put("cameras", "raw/a.jpg", b"a")
    store = open_store(config(key))
    with pytest.raises(StorageError) as caught:
        read_object(store, "a.jpg")
    shown = (
        "".join(traceback.format_exception(caught.value))
        + f"{store!r}{store.store!r}{getattr(store.store, 'config', None)}"
    )
    assert not any(secret in shown for secret in (*key["private_key"].split("\n")[1:-2], *gcs.tokens))
    assert "http" not in str(caught.value)
