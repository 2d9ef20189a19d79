"""Azurite, Microsoft's own Azure storage for tests: a process of node that `make test` has installed."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, generate_container_sas

ACCOUNT = "lightlytest"
_PROGRAM = Path(__file__).parent / "azurite/node_modules/azurite/dist/src/blob/main.js"
_OPTIONS = (
    "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck",
)  # fmt: skip


class Azurite:
    """A storage account with its key.

    :param url: of the account.
    :param key: the account key.
    """

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key
        self.client = BlobServiceClient(url, credential=key)

    def reset(self) -> None:
        """Deletes all containers."""
        for container in self.client.list_containers():
            self.client.delete_container(container.name)

    def put(self, container: str, name: str, body: bytes) -> None:
        """Stores a blob; makes the container if need be."""
        owner = self.client.get_container_client(container)
        if not owner.exists():
            owner.create_container()
        owner.upload_blob(name, body, overwrite=True)

    def names(self, container: str) -> list[str]:
        return list(self.client.get_container_client(container).list_blob_names())

    def sas(self, letters: str, container: str = "cameras", hours: float = 48, key: str = "", **fields: Any) -> str:
        """A SAS token for a container.

        :param hours: how long it is valid; below 0, it has expired.
        :param key: another key to sign with than the account's.
        """
        expiry = datetime.now(UTC) + timedelta(hours=hours)
        signer = key or self.key
        return generate_container_sas(ACCOUNT, container, signer, permission=letters, expiry=expiry, **fields)


def new_key() -> str:
    """An account key that nothing knows."""
    return base64.b64encode(os.urandom(64)).decode()


@contextmanager
def azurite_server() -> Iterator[Azurite]:
    """A running server, where obstore looks for Azure; skips the test that asks for it if there is none to run."""
    node = shutil.which("node")
    if node is None or not _PROGRAM.exists():
        pytest.skip("Azurite is not installed: install node and npm, and run make test")
    key = new_key()
    with tempfile.TemporaryDirectory() as directory, _running(node, key, directory) as url:
        os.environ["AZURE_STORAGE_ENDPOINT"] = url
        server = Azurite(url, key)
        try:
            yield server
        finally:
            del os.environ["AZURE_STORAGE_ENDPOINT"]
            server.client.close()


@contextmanager
def _running(node: str, key: str, directory: str) -> Iterator[str]:
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
    log = Path(directory, "log")
    command = [node, str(_PROGRAM), *_OPTIONS]
    with log.open("w") as out, subprocess.Popen(command, cwd=directory, env=environment, stdout=out) as process:
        try:
            yield _url(process, log)
        finally:
            process.terminate()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Azurite takes a free port and says which."""
    while process.poll() is None:
        found = re.search(r"listens on (http://\S+)", log.read_text())
        if found:
            return f"{found[1]}/{ACCOUNT}"
        time.sleep(0.05)
    raise RuntimeError(f"Azurite ended before it listened: {log.read_text()}")
