"""Credentials are proven when they are used: what the storage has revoked fails the next run, and new ones mend it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import AzureConfig, Purpose
from lightly_airflow.contract.operations import datasources
from lightly_airflow.contract.wire import Call, Request
from tests.azurite_server import ACCOUNT, Azurite
from tests.emulator.conftest import BUCKET, s3_config
from tests.emulator.worker.conftest import Site, picture
from tests.s3_server import Key, S3Server

pytestmark = pytest.mark.usefixtures("engine_in_process")
PURPOSES: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")
LIFETIME = 6  # seconds of a token: enough for a run on a busy machine
UNKNOWN = "the access key id is unknown; check the key or whether it was rotated"
STALE = "access denied; the SAS token has expired, is for another container or was signed with a key since rotated"


@dataclass
class Owner:
    """Who owns the bucket and makes keys for it.

    :param first: the key that the datasources have.
    """

    site: Site
    s3: S3Server
    first: Key

    def set_key(self, key: Key, *purposes: Purpose) -> None:
        """Gives datasources another key, both by default."""
        for purpose in purposes or PURPOSES:
            keys = {"s3_access_key_id": SecretStr(key[0]), "s3_secret_access_key": SecretStr(key[1])}
            config = s3_config(purpose).model_copy(update={**keys, "thumb_suffix": "[filename].[extension]"})
            self.site.desk.api(datasources.put_datasource(self.site.dataset_id, config))

    def night(self, **datasource: Any) -> tuple[str, str]:
        """State and message of a run that looks at all images and selects one more."""
        told = {"process_all": True, **datasource}
        run = self.site.run(n_samples=1, use_datapool=True, datasource=told)
        return run.state, str(run.message)


@pytest.fixture
def owner(site: Site, s3: S3Server) -> Iterator[Owner]:
    """A site whose bucket's policies hold, with the first key of a user who may do everything."""
    site.put_images("abcdef")
    found = Owner(site, s3, s3.add_user("lightly", ("s3:*", "*")))
    with s3.enforced():
        found.set_key(found.first)
        yield found


def test_a_deleted_key_fails_the_next_run_and_another_mends_it(owner: Owner) -> None:
    """The message names the datasource and the cause, and the worker itself is none the worse."""
    assert owner.night()[0] == "COMPLETED"
    second = owner.s3.add_key("lightly")
    owner.s3.delete_key("lightly", owner.first[0])
    failed = (
        f"the INPUT datasource lacks permissions: cannot list s3://{BUCKET}/input/: {UNKNOWN}",
        f"the LIGHTLY datasource lacks permissions: cannot list s3://{BUCKET}/lightly/: {UNKNOWN}",
    )
    assert owner.night() == ("FAILED", failed[0])
    owner.set_key(second, "INPUT")
    state, message = owner.night()
    assert (state, message.split(";")[0]) == ("FAILED", failed[1].split(";")[0])
    owner.set_key(second)
    assert owner.night()[0] == "COMPLETED"


def test_a_run_that_verifies_nothing_fails_at_its_first_look(owner: Owner) -> None:
    """``bypass_verify`` spares the proof, not the use."""
    owner.s3.delete_key("lightly", owner.first[0])
    told = f"cannot list s3://{BUCKET}/input/: {UNKNOWN}"
    assert owner.night(bypass_verify=True) == ("FAILED", told)


def test_a_run_under_way_keeps_the_key_that_it_began_with(owner: Owner) -> None:
    """That is why a rotation waits: neither does a new key disturb it, nor can it do without the old one."""
    second = owner.s3.add_key("lightly")
    with at_state(owner.site, "SAMPLING", lambda: owner.set_key(second)):
        assert owner.night()[0] == "COMPLETED"

    def rotate_and_delete() -> None:
        owner.set_key(owner.first)
        owner.s3.delete_key("lightly", second[0])

    with at_state(owner.site, "SAMPLING", rotate_and_delete):
        state, message = owner.night()
    assert state == "FAILED"
    assert message.startswith(f"cannot write s3://{BUCKET}/lightly/")
    assert message.endswith(UNKNOWN)
    assert owner.night()[0] == "COMPLETED"


@contextmanager
def at_state(site: Site, state: str, do: Callable[[], object]) -> Iterator[None]:
    """Does something at the moment at which the worker's run enters a state."""
    api = site.worker.api
    done: list[object] = []

    def watched(call: Call[Any]) -> Any:
        if call.request.method == "PUT" and f'"{state}"'.encode() in (call.request.body or b"") and not done:
            done.append(do())
        return api(call)

    site.worker.api = watched
    yield
    site.worker.api = api
    assert done


def test_a_signed_url_reads_with_what_the_datasource_has(owner: Owner) -> None:
    """It outlives no credentials: a deleted key closes it, a new one opens it, a wrong one closes it again."""
    emulator = owner.site.desk.emulator
    url = emulator.urls.stored(owner.site.dataset_id, "INPUT", "cam/a.png")

    def status() -> int:
        return int(emulator.send(Request("GET", url, "GET a signed file"), None).status)

    second = owner.s3.add_key("lightly")
    assert status() == 200
    owner.s3.delete_key("lightly", owner.first[0])
    assert status() == 400
    owner.set_key(second)
    assert status() == 200
    owner.set_key(owner.first)
    assert status() == 400


def test_what_is_verified_and_listed_follows_as_well(owner: Owner) -> None:
    """LightlyOne's own verification of the datasources, and the paging of their files."""
    second = owner.s3.add_key("lightly")
    verify = datasources.verify_datasource(owner.site.dataset_id)
    assert owner.site.desk.api(verify).errors is None
    owner.s3.delete_key("lightly", owner.first[0])
    errors = owner.site.desk.api(verify).errors
    assert errors.can_list == (
        f"INPUT: cannot list s3://{BUCKET}/input/: {UNKNOWN}; LIGHTLY: cannot list s3://{BUCKET}/lightly/: {UNKNOWN}"
    )
    owner.set_key(second)
    assert owner.site.desk.api(verify).errors is None


@pytest.fixture
def factory(site: Site, azurite: Azurite) -> Site:
    """The site's dataset with datasources on Azure that have no token yet."""
    for letter in "abcdef":
        azurite.put("cameras", f"input/{letter}.png", picture(ord(letter)))
    azurite.put("cameras", "lightly/here.txt", b"here")
    return site


def set_token(site: Site, token: str) -> None:
    for purpose in PURPOSES:
        config = AzureConfig(
            purpose=purpose,
            full_path=f"cameras/{purpose.lower()}/",
            account_name=ACCOUNT,
            account_key=SecretStr(token),
        )
        site.desk.api(datasources.put_datasource(site.dataset_id, config))


def azure_night(site: Site) -> tuple[str, str]:
    run = site.run(n_samples=1, use_datapool=True, datasource={"process_all": True})
    return run.state, str(run.message)


def test_a_revoked_token_fails_the_next_run_and_another_mends_it(factory: Site, azurite: Azurite) -> None:
    """A token of a stored access policy, which was taken away."""
    # A policy takes up to half a minute on Azure itself; Azurite has it at once.
    azurite.set_policies("cameras", "night")
    set_token(factory, azurite.sas("", policy_id="night"))
    assert azure_night(factory)[0] == "COMPLETED"
    azurite.set_policies("cameras")
    told = f"the INPUT datasource lacks permissions: cannot list cameras/input/: {STALE}"
    assert azure_night(factory) == ("FAILED", told)
    set_token(factory, azurite.sas("rwdl"))
    assert azure_night(factory)[0] == "COMPLETED"


def test_a_token_that_runs_out_fails_the_next_run(factory: Site, azurite: Azurite) -> None:
    """It is good for seconds, and then no more."""
    ends = time.monotonic() + LIFETIME
    set_token(factory, azurite.sas("rwdl", hours=LIFETIME / 3600))
    assert azure_night(factory)[0] == "COMPLETED"
    time.sleep(max(0, ends - time.monotonic()))
    state, message = azure_night(factory)
    assert (state, STALE in message) == ("FAILED", True)
