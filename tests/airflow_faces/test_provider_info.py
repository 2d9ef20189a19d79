"""What Airflow discovers, and what that costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module, metadata, resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lightly_airflow.provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
HEAVY = ("boto3", "botocore", "google", "azure", "requests", "httpx", "numpy", "obstore", "PIL")


def fresh(code: str, **env: str) -> Any:
    """The JSON that a fresh interpreter prints last."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run([sys.executable, "-c", code], env=kept | env, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_fits_airflows_schema() -> None:
    """Airflow refuses to import at all with metadata that does not fit."""
    schema = json.loads((resources.files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)
    assert get_provider_info()["package-name"] == metadata.metadata("lightly-airflow")["Name"]


def test_airflow_finds_the_provider() -> None:
    """Discovered through the entry point, with the connection type, its form and its hook."""
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    manager = ProvidersManagerTaskRuntime()  # type: ignore[no-untyped-call]
    assert "lightly-airflow" in manager.providers
    hook = manager.hooks["lightly"]
    assert hook is not None
    assert (hook.hook_name, hook.connection_id_attribute_name) == ("LightlyOne", "lightly_conn_id")


def test_every_named_module_and_class_exists() -> None:
    """Nothing in the metadata leads nowhere."""
    info = get_provider_info()
    for kind in ("operators", "sensors", "triggers", "hooks"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                import_module(module)
    names = [*info["extra-links"], *(one["hook-class-name"] for one in info["connection-types"])]
    for module, name in (path.rsplit(".", 1) for path in names):
        assert hasattr(import_module(module), name)


def test_it_imports_nothing() -> None:
    """It is called inside ``import airflow``: no other module may come with it."""
    new = fresh(
        "import __future__, json, sys, typing; before = set(sys.modules);"
        "from lightly_airflow.provider_info import get_provider_info; get_provider_info();"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert new == ["lightly_airflow", "lightly_airflow.provider_info"]


def test_a_parsed_dag_file_brings_nothing_heavy(tmp_path: Path) -> None:
    """DAG files are parsed every few seconds: no cloud SDK and no HTTP library may come with one."""
    code = (
        "import json, pathlib, runpy, sys; import airflow.sdk; before = set(sys.modules);"
        "[runpy.run_path(str(path)) for path in pathlib.Path('dags').glob('*.py')];"
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    brought = set(fresh(code, AIRFLOW_HOME=str(tmp_path)))
    assert "lightly_airflow" in brought
    assert brought & set(HEAVY) == set()


def test_the_link_is_what_the_operator_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The link reads what the operator pushed, and is empty, not an error, before that."""
    from airflow.sdk import BaseOperator
    from airflow.sdk.execution_time.xcom import XCom

    from lightly_airflow.links import LightlyRunLink

    stored: dict[str, Any] = {"lightly_run_link": "https://app.lightly.ai/compute/runs?scheduledRunId=1"}
    # The task runner's side of XCom needs a running supervisor; the end-to-end test has a real one.
    monkeypatch.setattr(XCom, "get_value", lambda *, key, ti_key: stored.get(key))
    link = LightlyRunLink()
    assert link.get_link(BaseOperator(task_id="t"), ti_key=None) == stored["lightly_run_link"]  # type: ignore[arg-type]
    stored.clear()
    assert link.get_link(BaseOperator(task_id="t"), ti_key=None) == ""  # type: ignore[arg-type]
