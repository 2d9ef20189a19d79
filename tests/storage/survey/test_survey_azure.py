"""Azure's inputs on a real Azurite: listed page by page, counted by when they expire, with no token in any message."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import AzureConfig
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.lifecycle.azure import OWN_EXPIRY, AzureRules, azure_rules
from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, moment
from lightly_airflow.storage.lifecycle.survey import Survey
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.survey import azure
from lightly_airflow.storage.survey.azure_page import http_times, read_page
from lightly_airflow.storage.survey.inputs import RulesUnknown, read_rules, survey_inputs
from tests.azure_policies import modified, policy, rule, tagged
from tests.azurite_server import ACCOUNT, Azurite

NAMES = ["1.jpg", "a b+c.JPG", "dir/%2F 50% off?.png", "dir/ü-猫.jpeg", "notes.txt"]


@pytest.fixture
def container(azurite: Azurite) -> Azurite:
    """An empty container named cameras, and the pages of a listing made small."""
    azurite.client.create_container("cameras")
    return azurite


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure, "PAGE", 2)
    azure._warn.cache_clear()


def config(token: str, path: str = "cameras/raw/") -> AzureConfig:
    return AzureConfig(purpose="INPUT", full_path=path, account_name=ACCOUNT, account_key=SecretStr(token))


def fill(azurite: Azurite, *names: str) -> None:
    for name in names:
        azurite.put("cameras", f"raw/{name}", b"x" * len(name))


def listed(azurite: Azurite, path: str = "cameras/raw/") -> list[str]:
    pages = azure.list_columns(config(azurite.sas("rl"), path), Reach())
    return [name for page in pages for name in page.names.tolist()]


def survey(azurite: Azurite, rules: AzureRules, letters: str = "rlt", days: float = 10) -> Survey:
    """A survey that starts a day from now, so that blobs of right now have an age."""
    now = int(np.max(http_times([format_datetime(_written(azurite), usegmt=True)]))) + DAY
    empty = Survey(now=now, until=now + int(days * DAY))
    return survey_inputs(empty, config(azurite.sas(letters)), rules, "Images")


def _written(azurite: Azurite) -> Any:
    blobs = azurite.client.get_container_client("cameras").list_blobs()
    return max(blob.last_modified for blob in blobs)


def test_pages(container: Azurite) -> None:
    """A listing over several pages gives every blob once, whatever its name, with its size and its facts."""
    fill(container, *NAMES)
    container.put("cameras", "elsewhere.jpg", b"")
    pages = list(azure.list_columns(config(container.sas("rl")), Reach()))
    assert [name for page in pages for name in page.names.tolist()] == sorted(NAMES)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [size for page in pages for size in page.sizes.tolist()] == [len(name) for name in sorted(NAMES)]
    known = {blob.name: blob for blob in container.client.get_container_client("cameras").list_blobs()}
    for page in pages:
        blobs = [known[f"{page.root}{name}"] for name in page.names.tolist()]
        assert [moment(at) for at in page.modified.tolist()] == [blob.last_modified for blob in blobs]
        assert [moment(at) for at in page.facts["created"].tolist()] == [blob.creation_time for blob in blobs]
        assert page.facts["blob_type"].tolist() == ["BlockBlob"] * len(blobs)
        assert (page.facts["accessed"] == NEVER).all()
        assert (page.facts["expires"] == NEVER).all()


def test_whole_container(container: Azurite) -> None:
    """A datasource without a directory lists the container."""
    fill(container, "1.jpg")
    assert listed(container, "cameras/") == ["raw/1.jpg"]


def test_empty_container(container: Azurite) -> None:
    """An empty directory is one empty page, and a survey of nothing."""
    assert listed(container) == []
    empty = Survey(now=0, until=DAY)
    assert survey_inputs(empty, config(container.sas("l")), AzureRules(), "Images").inputs == 0


def test_changes_between_pages(container: Azurite) -> None:
    """What is written or deleted behind a page that was read neither breaks a listing nor appears twice in it."""
    fill(container, *(f"{number}.jpg" for number in range(6)))
    pages = azure.list_columns(config(container.sas("rl")), Reach())
    first = next(pages).names.tolist()
    fill(container, "0a.jpg", "5a.jpg")
    container.client.get_blob_client("cameras", "raw/2.jpg").delete_blob()
    container.client.get_blob_client("cameras", "raw/3.jpg").delete_blob()
    rest = [name for page in pages for name in page.names.tolist()]
    assert (first, rest) == (["0.jpg", "1.jpg"], ["4.jpg", "5.jpg", "5a.jpg"])


def test_survey(container: Azurite) -> None:
    """Inputs are counted by the account's rules, other files are not, and those that last are named."""
    fill(container, *NAMES)
    rules = azure_rules(
        policy(
            rule("soon", modified(3), prefixMatch=["cameras/raw/dir/"]),
            rule("late", modified(30), prefixMatch=["cam"]),
            rule("elsewhere", modified(1), prefixMatch=["other"]),
        ),
        "cameras",
    )
    found = survey(container, rules)
    assert (found.inputs, found.ignored, found.expiring, found.permanent, found.asked) == (4, 1, 2, 0, 0)
    assert {rules.names[index]: count for index, count in found.rules.items()} == {"soon": 2}
    assert sorted(found.sample) == sorted(NAMES[2:4])


TAG_RULES = azure_rules(
    policy(
        rule("sure", modified(5), prefixMatch=["cameras/raw/1"]),
        rule("drafts", modified(3), blobIndexMatch=tagged(state="draft")),
        rule("tests", modified(2), blobIndexMatch=tagged(state="test", keep="no")),
    ),
    "cameras",
)


def tag(azurite: Azurite, name: str, **tags: str) -> None:
    azurite.client.get_blob_client("cameras", f"raw/{name}").set_blob_tags(tags)


def test_tags(container: Azurite) -> None:
    """Blobs in doubt are asked for their tags, and each expires by the rule that its own tags bring."""
    fill(container, "1.jpg", "2 ü+.jpg", "3.jpg", "4.jpg", "5.jpg", "notes.txt")
    tag(container, "2 ü+.jpg", state="draft", owner="a")
    tag(container, "3.jpg", state="test", keep="no")
    tag(container, "4.jpg", state="test")
    found = survey(container, TAG_RULES)
    assert {TAG_RULES.names[index]: count for index, count in found.rules.items()} == {
        "sure": 1,
        "drafts": 1,
        "tests": 1,
    }
    assert (found.inputs, found.expiring, found.permanent, found.asked) == (5, 3, 2, 4)


def test_tags_may_not_be_read(container: Azurite, caplog: pytest.LogCaptureFixture) -> None:
    """Without the letter t, a rule of tags counts as concerning every blob, and the log says so once."""
    fill(container, *(f"{number}.jpg" for number in range(6)))
    found = survey(container, TAG_RULES, letters="rl")
    assert (found.inputs, found.expiring) == (6, 6)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "Some lifecycle rules depend on index tags, which the SAS token may not read in the container 'cameras' of the"
        f" storage account '{ACCOUNT}': they count as concerning every blob. To tell, make the token with the letter t (tags)"
    ]


def test_gone_before_it_is_asked(container: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blob that vanishes between the listing and the question is no input."""
    fill(container, "2.jpg", "3.jpg")
    listing: Callable[..., Any] = azure.list_columns

    def vanishing(*given: Any) -> Any:
        for page in listing(*given):
            container.client.get_blob_client("cameras", "raw/2.jpg").delete_blob()
            yield page

    monkeypatch.setattr(azure, "list_columns", vanishing)
    found = survey(container, TAG_RULES)
    assert (found.inputs, found.asked) == (1, 2)


def test_policy_is_out_of_reach() -> None:
    """A SAS token opens no policy; the error says what does."""
    with pytest.raises(
        RulesUnknown, match="lifecycle policy of the storage account 'lightlytest' .*; give rules_conn_id"
    ):
        read_rules(config("sig=x"))


REFUSALS: list[tuple[Callable[[Azurite], str], str, str]] = [
    (lambda azurite: azurite.sas("r"), "cameras/raw/", "access denied; the SAS token lacks the permission"),
    (lambda azurite: azurite.sas("l", hours=-1), "cameras/raw/", "access denied; the SAS token has expired, is for"),
    (lambda azurite: azurite.sas("l", "other"), "other/raw/", "the container 'other' does not exist"),
]


@pytest.mark.parametrize(("token", "path", "told"), REFUSALS)
def test_refusals(
    container: Azurite, caplog: pytest.LogCaptureFixture, token: Callable[[Azurite], str], path: str, told: str
) -> None:
    """Refusals say what is wrong, and neither they nor the log hold the token."""
    caplog.set_level(logging.DEBUG)
    given = token(container)
    with pytest.raises(StorageError) as caught:
        list(azure.list_columns(config(given, path), Reach()))
    assert str(caught.value).startswith(f"cannot list {path}: {told}")
    assert_no_secret(given, caught.value, caplog)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_out_of_reach(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """A storage that nobody answers for says so, and urllib3's lines about its retries hold no token."""
    monkeypatch.setattr("urllib3.util.Retry.sleep", lambda *_: None)  # only to save the time
    caplog.set_level(logging.DEBUG)
    token = "sv=2026&sp=rl&sig=c2VjcmV0%2Bsignature%3D"
    with pytest.raises(StorageError, match="cannot list cameras/raw/: .* cannot be (reached|found); check") as caught:
        list(azure.list_columns(config(token), Reach(f"http://{host}:{free_port()}/lightlytest")))
    assert "Retrying" in caplog.text
    assert_no_secret(token, caught.value, caplog)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def assert_no_secret(token: str, error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    signature = token.rpartition("sig=")[2]
    assert signature
    told = "".join(traceback.format_exception(error)) + caplog.text + repr(error.__context__)
    assert signature not in told
    assert "sig=" not in told


def test_another_server(monkeypatch: pytest.MonkeyPatch, container: Azurite) -> None:
    """An answer of 200 that is no listing is called that."""
    fill(container, "1.jpg")
    monkeypatch.setattr(azure, "read_page", lambda body, root: read_page(b"<html>", root))
    with pytest.raises(StorageError, match="cannot list cameras/raw/: the answer cannot be read; check the endpoint"):
        listed(container)


def test_decoded_token(container: Azurite) -> None:
    """A token whose signature was decoded when it was copied works like the one in the URL."""
    fill(container, "1.jpg")
    for hours in range(40, 60):  # so many signatures, so that some hold plus signs
        token = container.sas("rl", hours=hours).replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
        assert [len(page) for page in azure.list_columns(config(f"?{token}"), Reach())] == [1]


# What Azurite does not have: accounts with a hierarchical namespace, tracked access, names that XML cannot hold. The
# elements are those of https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs.
HIERARCHICAL = b"""<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="cameras"><Blobs>
<Blob><Name>raw/dir.jpg</Name><Properties><Creation-Time>Mon, 02 Mar 2026 10:00:00 GMT</Creation-Time>
<Last-Modified>Mon, 02 Mar 2026 10:00:00 GMT</Last-Modified><ResourceType>directory</ResourceType>
<Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>
<Blob><Name Encoded="true">raw/a%EF%BF%BE%2B.jpg</Name><Properties><Creation-Time>Mon, 02 Mar 2026 10:00:00 GMT</Creation-Time>
<Last-Modified>Tue, 03 Mar 2026 23:59:59 GMT</Last-Modified><ResourceType>file</ResourceType><Content-Length>9</Content-Length>
<BlobType>AppendBlob</BlobType><Expiry-Time>Thu, 29 Feb 2028 00:00:01 GMT</Expiry-Time>
<LastAccessTime>Wed, 04 Mar 2026 01:02:03 GMT</LastAccessTime></Properties></Blob>
<Blob><Name>raw/b%2B.jpg</Name><Properties><Creation-Time>Mon, 02 Mar 2026 10:00:00 GMT</Creation-Time>
<Last-Modified>Tue, 03 Mar 2026 00:00:00 GMT</Last-Modified><ResourceType>file</ResourceType><Content-Length>8</Content-Length>
<BlobType>BlockBlob</BlobType></Properties></Blob></Blobs><NextMarker>2!92!more</NextMarker></EnumerationResults>"""


def test_hierarchical_namespace() -> None:
    """Directories are left out, encoded names decoded, and expiry and access times stay with their own blobs."""
    objects, marker = read_page(HIERARCHICAL, "raw/")
    assert (objects.names.tolist(), objects.sizes.tolist(), marker) == (
        ["a\ufffe+.jpg", "b%2B.jpg"],
        [9, 8],
        "2!92!more",
    )
    assert f"{moment(objects.facts['expires'].tolist()[0])}" == "2028-02-29 00:00:01+00:00"
    assert f"{moment(objects.facts['accessed'].tolist()[0])}" == "2026-03-04 01:02:03+00:00"
    assert objects.facts["expires"][1] == objects.facts["accessed"][1] == NEVER
    found = AzureRules().expiry(objects, 0)
    assert [AzureRules().names[index] if index >= 0 else None for index in found.rule] == [OWN_EXPIRY, None]


def test_http_times() -> None:
    """Every day of forty years is read as Python itself reads it."""
    start = moment(0).replace(year=1995)
    days = [start + timedelta(days=number, seconds=number * 7919 % 86400) for number in range(40 * 365)]
    assert [moment(at) for at in http_times([format_datetime(day, usegmt=True) for day in days]).tolist()] == days
    assert http_times(["", "Thu, 01 Jan 1970 00:00:00 GMT"]).tolist() == [NEVER, 0]
    assert http_times([]).tolist() == []
    with pytest.raises(ValueError, match="not in HTTP's form"):
        http_times(["2026-01-01T00:00:00Z"])
