"""A survey of Google's storage that is refused, or broken off, or that the network troubles."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest

from lightly_airflow.demo.processes import free_port
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.reach import HERE, Reach
from lightly_airflow.storage.survey import gcs as gcs_survey
from lightly_airflow.storage.survey.inputs import RulesUnknown, read_rules
from tests.gcs_server import GcsServer
from tests.storage.lifecycle.gcs_buckets import NOW
from tests.storage.survey.gcs_place import WEEK, config, curator, surveyed


@pytest.fixture
def key(gcs: GcsServer) -> dict[str, str]:
    """The key of an account that may list and see the rules."""
    return curator(gcs)


def test_rules_that_may_not_be_read(gcs: GcsServer) -> None:
    """The message names the bucket, the permission that is missing, and a role that has it."""
    gcs.bucket("cameras", WEEK)
    with pytest.raises(RulesUnknown) as caught:
        read_rules(config(gcs.service_account("reader", "list", "get")))
    assert str(caught.value) == (
        "the lifecycle rules of the bucket 'cameras' may not be read: that needs storage.buckets.get on gs://cameras,"
        " which the role Storage Legacy Bucket Reader has"
    )


def test_listing_that_is_denied(gcs: GcsServer) -> None:
    """Who may read the rules may still lack the listing."""
    gcs.bucket("cameras", WEEK)
    with pytest.raises(StorageError) as caught:
        surveyed(config(gcs.service_account("rules", "buckets.get")))
    assert str(caught.value) == "cannot list gs://cameras/raw/: the service account lacks storage.objects.list"


CANNOT = "cannot read the lifecycle rules of gs://cameras/raw/: "


def test_a_bucket_that_does_not_exist(gcs: GcsServer, key: dict[str, str]) -> None:
    """That is no matter of permissions."""
    with pytest.raises(StorageError) as caught:
        read_rules(config(key))
    assert str(caught.value) == f"{CANNOT}the bucket 'cameras' does not exist"
    assert not isinstance(caught.value, RulesUnknown)


def test_a_key_that_was_rotated(gcs: GcsServer, key: dict[str, str]) -> None:
    """The token service's refusal is told in the same words as in the preflight."""
    gcs.bucket("cameras", WEEK)
    gcs.service_account("curator", "list", "buckets.get")
    with pytest.raises(StorageError) as caught:
        read_rules(config(key))
    assert str(caught.value) == f"{CANNOT}the service account's key is not valid; was it deleted or rotated?"


def test_places_that_do_not_answer(gcs: GcsServer, key: dict[str, str]) -> None:
    """Google's token service and its storage are told apart."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StorageError) as caught:
        read_rules(config(key | {"token_uri": f"{nowhere}/token"}))
    assert str(caught.value) == f"{CANNOT}Google's token service cannot be reached; check the network"
    with pytest.raises(StorageError) as caught:
        read_rules(config(key), Reach(endpoint=nowhere))
    assert str(caught.value) == f"{CANNOT}the storage cannot be reached; check the network and the endpoint"


def test_passing_troubles_are_waited_out(gcs: GcsServer, key: dict[str, str]) -> None:
    """An answer that Google calls retryable is asked for again, in the midst of a listing as well."""
    gcs.bucket("cameras", WEEK)
    for name in "abcd":
        gcs.put("cameras", f"raw/{name}.jpg", b"a", timeCreated=NOW)
    pages = gcs_survey.list_columns(config(key), HERE)
    gcs.faults += [503, 429]
    assert len(next(pages)) == 3
    gcs.faults += [500]
    assert len(next(pages)) == 1
    assert not gcs.faults


@pytest.mark.parametrize("faults", [[503] * 4, [200]])
def test_troubles_that_last(gcs: GcsServer, key: dict[str, str], faults: list[int]) -> None:
    """After four tries, or on an answer that is none of Google's, the listing breaks off with the reason."""
    gcs.bucket("cameras", WEEK)
    gcs.faults += faults
    with pytest.raises(StorageError) as caught:
        list(gcs_survey.list_columns(config(key), HERE))
    assert str(caught.value) == "cannot list gs://cameras/raw/: the storage failed to answer"


@pytest.mark.parametrize(("lifetime", "tokens"), [(3599, 1), (1, 3)])
def test_a_token_is_replaced_when_it_gets_old(gcs: GcsServer, key: dict[str, str], lifetime: int, tokens: int) -> None:
    """One token does for many pages; a listing that takes longer than it lives goes on with a new one."""
    for name in "abcdefg":
        gcs.put("cameras", f"raw/{name}.jpg", b"a", timeCreated=NOW)
    gcs.tokens.clear()
    gcs.lifetime = lifetime
    assert [len(page) for page in gcs_survey.list_columns(config(key), HERE)] == [3, 3, 1]
    assert len(gcs.tokens) == tokens


def test_netrc_does_not_replace_the_token(
    gcs: GcsServer, key: dict[str, str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the machine keeps for other programs is not sent."""
    gcs.bucket("cameras", WEEK)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert read_rules(config(key)).names == ("rule 1",)


def test_nothing_shows_the_key(gcs: GcsServer, key: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """Neither errors, nor their tracebacks, nor logs hold the key, a token or an address."""
    gcs.bucket("cameras", WEEK)
    shown = ""
    with caplog.at_level(logging.DEBUG):
        for given in (key, gcs.service_account("reader"), key | {"token_uri": "http://127.0.0.1:9/token"}):
            with pytest.raises(StorageError) as caught:
                surveyed(config(given, "gs://cameras/raw/" if given is not key else "gs://nowhere/"))
            assert "http" not in str(caught.value)
            shown += "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not any(secret in shown for secret in (*key["private_key"].split("\n")[1:-2], *gcs.tokens))
