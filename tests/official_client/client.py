"""Runs scripts in the environment of LightlyOne's own Python client."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lightly_airflow.testing import LightlyEmulator

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-client" / "bin" / "python"

needs_client = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-client: `make test` makes it")


def ask_client(lightly: LightlyEmulator, script: str, *arguments: object, given: str = "") -> Any:
    """What a script of this directory printed, read as JSON.

    :param lightly: where the client finds LightlyOne.
    :param given: the script's standard input.
    """
    env = {
        **{name: value for name, value in os.environ.items() if not name.upper().endswith("_PROXY")},
        "LIGHTLY_SERVER_LOCATION": lightly.url,
        "LIGHTLY_TOKEN": lightly.token,
    }
    command = [str(PYTHON), str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, env=env, input=given, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
