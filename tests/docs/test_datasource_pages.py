"""The datasources' pages say what the code says: connections, reasons, what to grant, the preflight's own words."""

from __future__ import annotations

import json
import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from lightly_airflow import storage
from lightly_airflow.contract.models.base import wire
from lightly_airflow.exceptions import LightlyPermissionError
from lightly_airflow.hooks.azure import AzureDatasourceHook
from lightly_airflow.hooks.datasource import DatasourceHook, DatasourceOptions, datasource_hook
from lightly_airflow.hooks.gcs import GcsDatasourceHook
from lightly_airflow.hooks.local import LocalDatasourceHook
from lightly_airflow.hooks.obs import ObsDatasourceHook
from lightly_airflow.hooks.s3 import S3DatasourceHook
from lightly_airflow.operators.preflight import check_datasource
from lightly_airflow.storage import directory
from lightly_airflow.storage.sas import sas_fields
from tests.docs.datasource_pages import COMMON, DOCS, PAGES, PATHS, column, datasource
from tests.gcs_server import GcsServer
from tests.s3_server import S3Server


@pytest.fixture
def key_file(tmp_path: Path, running_gcs: GcsServer) -> Path:
    """A Google key that can sign, where the pages have dots."""
    file = tmp_path / "lightly.json"
    file.write_text(json.dumps(running_gcs.service_account("page")))
    return file


def connections(page: str, key_file: Path) -> dict[str, list[str]]:
    """What the page writes into each connection's variable."""
    text = re.sub(r'\{"type": "service_account".*?\}', lambda _: json.dumps(json.loads(key_file.read_text())), page)
    for quoted in (str, lambda path: quote(path, safe="")):
        text = text.replace(quoted("/keys/lightly.json"), quoted(str(key_file)))
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^\$ export (AIRFLOW_CONN_.*)$", text, re.MULTILINE):
        name, _, value = shlex.split(line)[0].partition("=")
        found.setdefault(name, []).append(value)
    return found


def told(connection: str, cloud: str) -> dict[str, Any]:
    """The wire body; of a SAS token the letters alone, because one that is made of a key has the time in it."""
    body = wire(datasource(connection, PATHS[cloud]))
    return {**body, "accountKey": sas_fields(body["accountKey"])["sp"]} if cloud == "azure" else body


@pytest.mark.parametrize("cloud", ["azure", "gcs", "obs", "s3"])
def test_all_ways_to_write_a_connection_mean_the_same(cloud: str, key_file: Path) -> None:
    """As JSON, as a URI, or however else: LightlyOne is told the same."""
    for values in connections(PAGES[cloud], key_file).values():
        assert len(values) > 1
        first, *others = (told(value, cloud) for value in values)
        assert all(other == first for other in others)


@pytest.mark.parametrize(
    ("page", "clouds"),
    [("azure", ["azure"]), ("gcs", ["gcs"]), ("local", ["local"]), ("s3", ["s3", "s3_delegated", "obs"])],
)
def test_reasons(page: str, clouds: list[str]) -> None:
    """Why a permission is missing, in each storage's own words."""
    bucket = "nightly" if page == "azure" else "cameras"
    causes = [words for cloud in clouds for _, words in import_module(f"lightly_airflow.storage.clouds.{cloud}").CAUSES]
    assert {words.format(bucket=bucket) for words in causes} == column(PAGES[page], "reason")


def test_common_reasons() -> None:
    """What every storage says through obstore, and what verifying says of a datasource that is not set."""
    words = {words for _, words in directory._CAUSES} | {directory._OTHER, "the dataset has no LIGHTLY datasource"}
    assert words == column(COMMON, "reason of a missing permission")


@pytest.mark.parametrize(
    ("cloud", "hook"),
    [
        ("azure", AzureDatasourceHook),
        ("gcs", GcsDatasourceHook),
        ("local", LocalDatasourceHook),
        ("obs", ObsDatasourceHook),
        ("s3", S3DatasourceHook),
    ],
)
def test_what_to_grant(cloud: str, hook: type[DatasourceHook]) -> None:
    """What the preflight names for each permission stands on the page."""
    table = PAGES[cloud].split("| permission | what it needs |")[1]
    for permission, grant in hook.GRANTS.items():
        (line,) = [line for line in table.splitlines() if re.match(rf"\| (\w+, )?{permission}[ ,]", line)]
        assert f"`{grant.format(bucket='cameras', prefix='input/')}`" in line


def test_variables_of_the_worker() -> None:
    """The emulator's page has each variable by which a storage is found."""
    page = (DOCS / "emulator.md").read_text()
    sources = "".join(file.read_text() for file in Path(storage.__path__[0]).glob("clouds/*.py"))
    names = re.findall(r'"((?:AWS|AZURE|STORAGE|LIGHTLY)_[A-Z0-9_]+)"', sources)
    assert len(names) >= 6
    assert all(f"`{name}`" in page for name in names)


def test_the_preflights_words(s3: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    """The table, the warning and the error of the page are what the task says."""
    for name in ("a.jpg", "notes.txt", "sub/b.csv", "c.mp4", "d"):
        s3.put("cameras", f"input/{name}", b"x")
    caplog.set_level("INFO")
    preflight(("AKIAIOSFODNN7EXAMPLE", "secret"))
    denied = s3.add_user("denied", ("s3:GetObject", "arn:aws:s3:::cameras/input/*"))
    with s3.enforced(), pytest.raises(LightlyPermissionError) as caught:
        preflight(denied)
    own = [record.getMessage() for record in caplog.records if record.name.endswith("operators.preflight")]
    for text in ("\n".join(own[:2]), str(caught.value)):
        assert f"```text\n{text}\n```" in COMMON


def preflight(key: tuple[str, str]) -> None:
    connection = {"conn_type": "aws", "login": key[0], "password": key[1], "extra": {"region_name": "us-east-1"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_CAMERAS", json.dumps(connection))
        hook = datasource_hook("cameras", PATHS["s3"])
        check_datasource(hook, hook.config(PATHS["s3"], "INPUT", DatasourceOptions()), "Images")
