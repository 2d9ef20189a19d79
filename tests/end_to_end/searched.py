"""Looks for secrets in everything that Airflow and the emulator have written."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote


def found_in(home: Path, secrets: Mapping[str, str], key_ids: Mapping[str, str]) -> tuple[list[str], int]:
    """Where which secret stands, in which form; and how many places were searched.

    :param home: the directory of Airflow (``airflow``), the emulator's state file (``lightly.db``) and all logs.
    :param secrets: name -> secret.
    :param key_ids: name -> id of an access key. Airflow itself keeps a connection's login in clear in its database, and
        shows it in the form; it belongs nowhere else.
    """
    found, searched = [], 0
    for place, text in places(home):
        searched += 1
        for name, secret in (secrets if "airflow.db" in place else {**secrets, **key_ids}).items():
            found += [f"the {name} is in {place}: {around(text, form)}" for form in forms(secret) if form in text]
    return found, searched


def forms(secret: str) -> set[str]:
    """A secret as it stands, as URLs, JSON and JSON within JSON have it, and in base64; of a key file also each line."""
    escaped = json.dumps(secret)[1:-1]
    encoded = base64.b64encode(secret.encode()).decode()
    lines = [line for line in secret.splitlines()[1:-1] if len(line) >= 20]
    return {secret, quote(secret), quote(secret, safe=""), escaped, json.dumps(escaped)[1:-1], encoded, *lines}


def around(text: str, found: str) -> str:
    at = text.index(found)
    return text[max(0, at - 200) : at + 100]


def places(home: Path) -> Iterator[tuple[str, str]]:
    """Everything that Airflow and the emulator have written: files, state file and its key among them, and databases."""
    databases = [home / "airflow" / "airflow.db", home / "lightly.db"]
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and path != databases[0]:
            yield str(path), path.read_text(errors="replace")
    for database in databases:
        yield f"the dump of {database.name}", dump(database)


def dump(database: Path) -> str:
    """A database as text."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()
