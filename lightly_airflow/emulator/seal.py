"""What is secret in the state file is encrypted there. The key lies in a file of its own beside it, so that a state file that
is sent along with a bug report reveals nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from lightly_airflow.contract.errors import LightlyConfigError


class Seal:
    """Encrypts texts, and reads them again.

    :param key: a Fernet key (https://github.com/fernet/spec); ``None`` leaves every text as it is.
    """

    def __init__(self, key: bytes | None) -> None:
        self._fernet = None if key is None else Fernet(key)

    def close(self, text: str) -> str:
        """The text, encrypted."""
        return self._fernet.encrypt(text.encode()).decode() if self._fernet else text

    def open(self, text: str) -> str:
        """What :meth:`close` was given.

        :raises InvalidToken: this key has not encrypted it.
        """
        return self._fernet.decrypt(text).decode() if self._fernet else text

    def close_members(self, body: str, names: Container[str]) -> str:
        """A JSON object whose members of these names are encrypted, at any depth."""
        return _changed(body, names, self.close) if self._fernet else body

    def open_members(self, body: str, names: Container[str]) -> str:
        """What :meth:`close_members` was given."""
        return _changed(body, names, self.open) if self._fernet else body


def key_path(state: Path) -> Path:
    """Where the key of a state file lies."""
    return state.with_name(f"{state.name}.key")


def make_seal(state: Path) -> Seal:
    """The seal of a state file that has none yet. The caller sees to it that no other process does the same meanwhile.

    The key is on the disk before anything is encrypted with it, and never half written.
    """
    path = key_path(state)
    if not path.exists():
        number, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # for the user alone
        with os.fdopen(number, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(number)
        Path(draft).replace(path)
    return _read(path, state)


def find_seal(state: Path, proof: str) -> Seal:
    """The seal that a state file was closed with.

    :param proof: a text that was closed with it.
    :raises LightlyConfigError: its key is gone, or is another one.
    """
    path = key_path(state)
    if not path.exists():
        raise _lost(state, "is gone")
    seal = _read(path, state)
    try:
        seal.open(proof)
    except InvalidToken:
        raise _lost(state, "belongs to another state file") from None
    return seal


def _read(path: Path, state: Path) -> Seal:
    try:
        return Seal(path.read_bytes().strip())
    except ValueError:
        raise _lost(state, "is damaged") from None


def _lost(state: Path, what: str) -> LightlyConfigError:
    return LightlyConfigError(
        f"{key_path(state)}, the key to the credentials in {state.name}, {what}; put the right one there, or delete"
        " both files and begin anew"
    )


def _changed(body: str, names: Container[str], change: Callable[[str], str]) -> str:
    def walk(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: change(inner) if name in names else walk(inner) for name, inner in value.items()}

    return json.dumps(walk(json.loads(body)), ensure_ascii=False)
