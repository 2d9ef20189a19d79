"""What credentials may do in a bucket, tried against a server that enforces it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from lightly_airflow.storage.access import Access, check_access
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.objects import read_object
from lightly_airflow.storage.stores import open_store

pytestmark = pytest.mark.filterwarnings("error")
Keys = dict[str, tuple[str, str]]
MakeConfig = Callable[..., S3Config]
AccessOf = Callable[..., Access]
BUCKET = "cameras"


@pytest.fixture
def access_of(make_config: MakeConfig) -> AccessOf:
    def check(keys: tuple[str, str], purpose: Purpose, path: str = f"s3://{BUCKET}/raw/") -> Access:
        return check_access(open_store(make_config(*keys, path, purpose)), purpose)

    return check


def test_reader_suffices_for_input(client: Any, keys: Keys, access_of: AccessOf) -> None:
    """Listing and reading is all that INPUT needs."""
    client.put_object(Bucket=BUCKET, Key="raw/a.jpg", Body=b"a")
    assert access_of(keys["reader"], "INPUT") == Access(can_list=True, can_read=True)


def test_empty_input_is_readable(client: Any, keys: Keys, access_of: AccessOf) -> None:
    """An empty directory has nothing that could be refused."""
    assert access_of(keys["lister"], "INPUT") == Access(can_list=True, can_read=True)


def test_input_that_cannot_be_read(client: Any, keys: Keys, access_of: AccessOf) -> None:
    """Credentials that only list are told apart, by permission."""
    client.put_object(Bucket=BUCKET, Key="raw/a.jpg", Body=b"a")
    access = access_of(keys["lister"], "INPUT")
    assert (access.can_list, access.can_read) == (True, False)
    assert access.errors == {
        "can_read": "cannot read s3://cameras/raw/a.jpg: access denied; the credentials lack the permission"
    }


@pytest.mark.parametrize("purpose", ["LIGHTLY", "INPUT_OUTPUT"])
def test_writing_purposes_leave_nothing_behind(client: Any, keys: Keys, access_of: AccessOf, purpose: Purpose) -> None:
    """All four permissions are proven, and the probe is gone afterwards."""
    assert access_of(keys["all"], purpose) == Access(True, True, True, True)
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET)


def test_reader_does_not_suffice_for_lightly(client: Any, keys: Keys, access_of: AccessOf) -> None:
    """Missing write permission is said twice, once for each permission, and reading still counts."""
    client.put_object(Bucket=BUCKET, Key="raw/a.jpg", Body=b"a")
    access = access_of(keys["reader"], "LIGHTLY")
    assert (access.can_list, access.can_read, access.can_write, access.can_overwrite) == (True, True, False, False)
    assert set(access.errors) == {"can_write", "can_overwrite"}


def test_probe_that_cannot_be_deleted_is_no_fault(client: Any, keys: Keys, access_of: AccessOf) -> None:
    """Neither listing nor deleting is needed to write, read and overwrite."""
    access = access_of(keys["blind"], "LIGHTLY")
    assert access == Access(False, True, True, True, access.errors)
    assert list(access.errors) == ["can_list"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("unknown key", "the access key id is unknown"),
        ("wrong secret", "the secret access key does not belong to the access key id"),
        ("missing bucket", "the bucket 'nowhere' does not exist"),
        ("unreachable", "the storage cannot be reached"),
    ],
)
def test_causes_are_told_apart(
    client: Any, keys: Keys, access_of: AccessOf, case: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong key, wrong secret, missing bucket and dead endpoint each have their own words, for each permission."""
    key, secret = keys["all"]
    path = "s3://nowhere/raw/" if case == "missing bucket" else f"s3://{BUCKET}/raw/"
    if case == "unreachable":
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    given = {"unknown key": ("AKIAUNKNOWN", secret), "wrong secret": (key, "wrong-secret")}.get(case, (key, secret))
    access = access_of(given, "LIGHTLY", path)
    assert set(access.errors) == {"can_list", "can_read", "can_write", "can_overwrite"}
    for problem in access.errors.values():
        assert words in problem
        assert not any(hidden in problem for hidden in (*given, "http"))


def test_tracebacks_carry_no_url(client: Any, keys: Keys, make_config: MakeConfig) -> None:
    """The error that comes out has no cause or context with the storage's own message."""
    with pytest.raises(StorageError) as caught:
        read_object(open_store(make_config(*keys["all"])), "missing.jpg")
    assert "the object does not exist" in str(caught.value)
    assert "http" not in "".join(traceback.format_exception(caught.value))
