"""Documents in one SQLite file, shared by several threads and by a second process."""

# ruff: noqa: S608 - tables and members are named by this package, never by a request

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic.alias_generators import to_camel

from lightly_airflow.emulator.records import SECRETS, TABLES, Record
from lightly_airflow.emulator.seal import Seal, find_seal, make_seal

R = TypeVar("R", bound=Record)
_BUSY_SECONDS = 30.0
_PROOF = "sealed"  # the setting that tells the key that a file was closed with from any other


class Store:
    """One table a kind of record, each row an id and a JSON body; looked up by members of that body.

    One connection serves all threads, one at a time: a statement takes microseconds, and so a transaction of one
    thread can never wait for another thread of the same process.

    What is secret is encrypted with a key in a file of its own: the state file's name and ``.key``.

    :param path: the state file; ``None`` keeps everything in memory, for this process alone, and encrypts nothing.
    :raises LightlyConfigError: the key of an existing file is gone, or is another one.
    """

    def __init__(self, path: str | Path | None) -> None:
        if path is not None:
            _create_private(Path(path))
        self._lock = threading.RLock()
        self._db = sqlite3.connect(
            str(path or ":memory:"), timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        # WAL without a sync per commit: after a power failure the last second may be lost, never the file.
        self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            with self.transaction():
                for statement in _schema():
                    self._db.execute(statement)
            self._seal = Seal(None) if path is None else self._sealed(Path(path))
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; the store cannot be used any more."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else writes meanwhile, in this process or another. Inside of one, joins it."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add(self, *records: Record) -> None:
        """Keep new records."""
        with self.transaction():
            for record in records:
                values = [record.id, self._body(record)]
                self._rows(f"INSERT INTO {_table(type(record))} (id, body) VALUES (?, ?)", values)

    def save(self, record: Record) -> None:
        """Replace the record of the same id."""
        self._rows(f"UPDATE {_table(type(record))} SET body = ? WHERE id = ?", [self._body(record), record.id])

    def get(self, kind: type[R], record_id: str) -> R | None:
        """The record of that id, if there is one."""
        rows = self._rows(f"SELECT body FROM {_table(kind)} WHERE id = ?", [record_id])
        return self._record(kind, rows[0][0]) if rows else None

    def find(
        self, kind: type[R], *, newest_first: bool = False, limit: int = -1, offset: int = 0, **members: Any
    ) -> list[R]:
        """The records whose members have these values, in the order in which they were added.

        :param newest_first: the other way round.
        :param limit: how many at most; -1 for all.
        :param offset: how many to leave out at the beginning.
        :param members: value of a member; a list says that any of its values will do.
        """
        where, values = _where(members)
        order = "DESC" if newest_first else "ASC"
        sql = f"SELECT body FROM {_table(kind)}{where} ORDER BY seq {order} LIMIT ? OFFSET ?"
        return [self._record(kind, body) for (body,) in self._rows(sql, [*values, limit, offset])]

    def count(self, kind: type[Record], **members: Any) -> int:
        """How many records :meth:`find` would find."""
        where, values = _where(members)
        return cast("int", self._rows(f"SELECT count(*) FROM {_table(kind)}{where}", values)[0][0])

    def remove(self, kind: type[Record], **members: Any) -> None:
        """Forget the records that :meth:`find` would find."""
        where, values = _where(members)
        self._rows(f"DELETE FROM {_table(kind)}{where}", values)

    def put_file(self, file_id: str, content: bytes) -> None:
        """Keep a file's bytes, in place of older ones."""
        self._rows("INSERT OR REPLACE INTO file (id, content) VALUES (?, ?)", [file_id, content])

    def get_file(self, file_id: str) -> bytes | None:
        """A file's bytes, if it was put."""
        rows = self._rows("SELECT content FROM file WHERE id = ?", [file_id])
        return cast("bytes", rows[0][0]) if rows else None

    def remove_file(self, file_id: str) -> None:
        """Forget a file."""
        self._rows("DELETE FROM file WHERE id = ?", [file_id])

    def setting(self, name: str, default: str) -> str:
        """The value of a setting, which is secret; on the first call ``default``, which is then kept."""
        with self.transaction():
            self._rows("INSERT OR IGNORE INTO setting (name, value) VALUES (?, ?)", [name, self._seal.close(default)])
            return self._seal.open(self._rows("SELECT value FROM setting WHERE name = ?", [name])[0][0])

    def _body(self, record: Record) -> str:
        body = record.model_dump_json(by_alias=True, exclude_none=True)
        secret = SECRETS.get(type(record))
        return self._seal.close_members(body, secret) if secret else body

    def _record(self, kind: type[R], body: str) -> R:
        secret = SECRETS.get(kind)
        return kind.model_validate_json(self._seal.open_members(body, secret) if secret else body)

    def _sealed(self, path: Path) -> Seal:
        """The file's seal; on the first call its key is made, and what an earlier version has kept in clear encrypted."""
        with self.transaction():
            rows = self._rows("SELECT value FROM setting WHERE name = ?", [_PROOF])
            if rows:
                return find_seal(path, rows[0][0])
            seal = make_seal(path)
            self._close_all(seal)
            self._rows("INSERT INTO setting (name, value) VALUES (?, ?)", [_PROOF, seal.close(_PROOF)])
        # Replaced rows leave their bytes in unused pages, and those before them in the log beside the file.
        self._rows("VACUUM", [])
        self._rows("PRAGMA wal_checkpoint(TRUNCATE)", [])
        return seal

    def _close_all(self, seal: Seal) -> None:
        for kind, names in SECRETS.items():
            for record_id, body in self._rows(f"SELECT id, body FROM {_table(kind)}", []):
                closed = seal.close_members(body, names)
                self._rows(f"UPDATE {_table(kind)} SET body = ? WHERE id = ?", [closed, record_id])
        for name, value in self._rows("SELECT name, value FROM setting", []):
            self._rows("UPDATE setting SET value = ? WHERE name = ?", [seal.close(value), name])

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def _create_private(path: Path) -> None:
    """What is in it concerns nobody else, so it is the user's alone from the beginning; SQLite's side files inherit that."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _schema() -> Iterable[str]:
    for table, indexes in TABLES.values():
        yield f"CREATE TABLE IF NOT EXISTS {table} (seq INTEGER PRIMARY KEY, id TEXT UNIQUE, body TEXT NOT NULL)"
        for members in indexes:
            name = "_".join((table, *members))
            yield f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({', '.join(map(_member, members))})"
    yield "CREATE TABLE IF NOT EXISTS file (id TEXT PRIMARY KEY, content BLOB NOT NULL)"
    yield "CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)"


def _table(kind: type[Record]) -> str:
    return TABLES[kind][0]


def _member(name: str) -> str:
    return f"json_extract(body, '$.{to_camel(name)}')"


def _where(members: dict[str, Any]) -> tuple[str, list[Any]]:
    lists = {name: value if isinstance(value, list) else [value] for name, value in members.items()}
    tests = [f"{_member(name)} IN ({', '.join('?' * len(values))})" for name, values in lists.items()]
    return (f" WHERE {' AND '.join(tests)}" if tests else "", [value for values in lists.values() for value in values])
