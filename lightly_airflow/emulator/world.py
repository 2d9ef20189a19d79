"""Everything the emulator knows: records, a clock, ids, and a secret of its own."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose
from lightly_airflow.emulator.records import DatasourceRecord
from lightly_airflow.emulator.store import Store


class World(Store):
    """The emulator's whole state. A restart on the same file loses nothing; a second process may share the file.

    :param path: the state file, readable by its user alone; the datasources' credentials and the emulator's own secret are
        encrypted in it, with a key in a file beside it. ``None`` keeps everything in memory.
    :param now: the clock, in seconds since 1970.
    """

    def __init__(self, path: str | Path | None = None, now: Callable[[], float] = time.time) -> None:
        super().__init__(path)
        self.now = now
        self._secret = self.setting("secret", secrets.token_hex(32))

    def milliseconds(self) -> int:
        """The clock as the API tells it."""
        return int(self.now() * 1000)

    def new_id(self) -> str:
        """An id in the API's form: 24 hexadecimal digits."""
        return secrets.token_hex(12)

    def sign(self, text: str) -> str:
        """A signature that only this state file can make."""
        return hmac.new(self._secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    def user_of(self, token: str) -> str:
        """The user whose token it is: the same after a restart, and the token itself is kept nowhere."""
        return self.sign(f"user {token}")[:24]

    def datasource_config(self, dataset_id: str, purpose: Purpose) -> DatasourceConfig | None:
        """A dataset's datasource with its real secrets; an INPUT_OUTPUT one serves both purposes.

        :param dataset_id: the dataset.
        :param purpose: what it is wanted for.
        """
        found = {source.purpose: source.config for source in self.find(DatasourceRecord, dataset_id=dataset_id)}
        return found.get(purpose) or found.get("INPUT_OUTPUT")
