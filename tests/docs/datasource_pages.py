"""What the tests of the datasources' pages share: the pages, their tables, and a datasource made of a connection."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import DatasourceConfig
from lightly_airflow.hooks.datasource import DatasourceOptions, datasource_hook

DOCS = Path(__file__).parents[2] / "docs"
COMMON = (DOCS / "datasources.md").read_text()
PAGES = {cloud: (DOCS / f"datasources-{cloud}.md").read_text() for cloud in ("azure", "gcs", "local", "obs", "s3")}
PATHS = {
    "azure": "nightly/input/",
    "gcs": "gs://cameras/input/",
    "local": "cameras/",
    "obs": "obs://cameras/input/",
    "s3": "s3://cameras/input/",
}


def column(text: str, head: str) -> set[str]:
    """The first cells, which are code, of the table with that head."""
    table = re.search(rf"^\| {head} \|.*?(?=\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    assert table
    return {cell for line in table[0].splitlines()[2:] for cell in re.findall(r"^\| `(.*?)` \|", line)}


def datasource(connection: str | None, path: str, **options: Any) -> DatasourceConfig:
    """What LightlyOne would be told; ``connection`` is the value of an ``AIRFLOW_CONN_...`` variable."""
    with pytest.MonkeyPatch.context() as patch:
        if connection is not None:
            patch.setenv("AIRFLOW_CONN_CAMERAS", connection)
        hook = datasource_hook(None if connection is None else "cameras", path)
        return hook.config(path, options.pop("purpose", "INPUT"), DatasourceOptions(**options))


def refusal(connection: dict[str, Any] | None, path: str, **options: Any) -> str:
    """The message of a refused connection, without the words that name the connection."""
    with pytest.raises(LightlyConfigError) as caught:
        datasource(None if connection is None else json.dumps(connection), path, **options)
    return str(caught.value).removeprefix("connection 'cameras': ")
