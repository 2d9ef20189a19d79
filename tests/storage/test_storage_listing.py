"""Opening a datasource and streaming what is in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import LightlyConfig, S3Config
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.listing import list_objects
from lightly_airflow.storage.objects import read_object, write_object
from lightly_airflow.storage.stores import CLOUDS, open_store

Keys = dict[str, tuple[str, str]]
MakeConfig = Callable[..., S3Config]
BUCKET = "cameras"


def test_lists_relative_names_of_files_alone(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """Markers of directories, LightlyOne's own directory and neighbours with the same prefix are left out."""
    names = ["raw/", "raw/day/", "raw/day/ü b%20.jpg", "raw/a.jpg", "raw/.lightly/x.jpg", "rawer/c.jpg", "d.jpg"]
    for name in names:
        client.put_object(Bucket=BUCKET, Key=name, Body=b"" if name.endswith("/") else b"12")
    found = list(list_objects(open_store(make_config(*keys["reader"]))))
    assert [item.path for item in found] == ["a.jpg", "day/ü b%20.jpg"]
    assert found[0].size == 2
    assert abs((found[0].last_modified - datetime.now(UTC)).total_seconds()) < 60


def test_lists_the_own_directory_on_demand(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """``own`` and a prefix give what lies under .lightly/."""
    client.put_object(Bucket=BUCKET, Key=".lightly/x.txt", Body=b"1")
    store = open_store(make_config(*keys["reader"], f"s3://{BUCKET}"))
    assert [item.path for item in list_objects(store, ".lightly/", own=True)] == [".lightly/x.txt"]
    assert not list(list_objects(store))


def test_listing_fails_in_words(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """A refused listing names the place and the cause."""
    with pytest.raises(StorageError, match=r"^cannot list s3://nowhere/: the bucket 'nowhere' does not exist$"):
        list(list_objects(open_store(make_config(*keys["all"], "s3://nowhere/"))))


def test_names_that_cannot_be_addressed_are_said(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """A key with an empty part between slashes stops the listing with a sentence that tells."""
    client.put_object(Bucket=BUCKET, Key="raw//a.jpg", Body=b"1")
    with pytest.raises(StorageError, match="an empty, "):
        list(list_objects(open_store(make_config(*keys["all"]))))


def test_writes_and_reads(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """What is written is read back, the second time in place of the first."""
    store = open_store(make_config(*keys["all"]))
    for content in (b"one", b"two"):
        write_object(store, ".lightly/x", content)
        assert read_object(store, ".lightly/x") == content


def test_kms_key_is_sent(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """What is written through a datasource with a KMS key is encrypted with that key."""
    arn = "arn:aws:kms:us-east-1:123456789012:key/one"
    config = make_config(*keys["all"]).model_copy(update={"s3_server_side_encryption_kms_key": arn})
    write_object(open_store(config), "x", b"1")
    assert client.head_object(Bucket=BUCKET, Key="raw/x")["SSEKMSKeyId"] == arn


def test_credentials_of_the_environment_are_ignored(
    client: Any, keys: Keys, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the datasource's own credentials count, even where the environment has a session token."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "of-the-environment")
    assert not list(list_objects(open_store(make_config(*keys["reader"]))))


def test_store_hides_secrets(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """Neither key nor secret shows in what a debugger prints."""
    store = open_store(make_config("AKIAKEY", "topsecret"))
    assert not any(hidden in f"{store!r}{getattr(store, 'config', None)}" for hidden in ("AKIAKEY", "topsecret"))


def test_unsupported_kinds_are_named() -> None:
    """A kind that cannot be opened is refused by name."""
    message = f"LIGHTLY datasources cannot be opened here; supported are: {', '.join(sorted(CLOUDS))}"
    with pytest.raises(LightlyConfigError, match=f"^{message}$"):
        open_store(LightlyConfig(purpose="INPUT", full_path="d/"))
