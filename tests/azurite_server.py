"""Azurite, Microsoft's own Azure storage for tests: a process of node that `make test` has installed."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import AccessPolicy, BlobServiceClient, ContainerSasPermissions, generate_container_sas

ACCOUNT = "lightlytest"
_PROGRAM = Path(__file__).parent / "azurite/node_modules/azurite/dist/src/blob/main.js"
_OPTIONS = ("--blobHost", "127.0.0.1", "--disableTelemetry", "--skipApiVersionCheck")


class Azurite:
    """A storage account with its key.

    :param url: of the account.
    :param key: the account key.
    :param log: where it writes each request and its answer.
    """

    def __init__(self, url: str, key: str, log: Path) -> None:
        self.url = url
        self.key = key
        self.client = BlobServiceClient(url, credential=key)
        self._log = log

    def refused(self) -> list[tuple[str, str]]:
        """Method and status of each request so far that was answered with 401 or 403."""
        return re.findall(r'"(\w+) \S+ HTTP/1.1" (40[13])', self._log.read_text())

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

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

    def set_policies(self, container: str, *names: str) -> None:
        """Which stored access policies a container has. They allow everything; tokens that name another one are refused."""
        everything = AccessPolicy(permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True))
        policies = dict.fromkeys(names, everything)
        self.client.get_container_client(container).set_container_access_policy(policies)

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
    key = new_key()
    with (
        tempfile.TemporaryDirectory() as directory,
        _running([key], Path(directory), "--inMemoryPersistence") as server,
    ):
        os.environ["AZURE_STORAGE_ENDPOINT"] = server.url
        try:
            yield server
        finally:
            del os.environ["AZURE_STORAGE_ENDPOINT"]


@contextmanager
def azurite_account(keys: Sequence[str], directory: Path, port: int = 0) -> Iterator[Azurite]:
    """A server whose account has these keys; skips as :func:`azurite_server` does.

    :param directory: where its blobs lie, so that a server with other keys can take its place.
    :param port: where it listens; by default a free one.
    """
    with _running(keys, directory, "--location", str(directory), port=port) as server:
        yield server


@contextmanager
def _running(keys: Sequence[str], directory: Path, *options: str, port: int = 0) -> Iterator[Azurite]:
    node = shutil.which("node")
    if node is None or not _PROGRAM.exists():
        pytest.skip("Azurite is not installed: install node and npm, and run make test")
    environment = {**os.environ, "AZURITE_ACCOUNTS": ":".join([ACCOUNT, *keys])}
    log = directory / f"log-{uuid.uuid4().hex}"
    command = [node, str(_PROGRAM), *_OPTIONS, "--blobPort", str(port), *options]
    with log.open("w") as out, subprocess.Popen(command, cwd=directory, env=environment, stdout=out) as process:
        try:
            server = Azurite(_url(process, log), keys[0], log)
            with closing(server.client):
                yield server
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
