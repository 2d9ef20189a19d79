"""Relevant filenames files: which inputs a run looks at, one name a line (https://docs.lightly.ai/docs/relevant-filenames)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.listing import LIGHTLY_DIRECTORY

# An asterisk makes a line a prefix of names, and blanks around a name would be lost.
_UNWRITABLE = re.compile(r"\*|[\r\n]|^\s|\s$")


class RelevantFilenames:
    """Collects names in a file.

    :param file: an empty one, open for writing and reading bytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0
        self.left_out = 0

    def add(self, names: Iterable[str]) -> None:
        """Add names, relative to the INPUT's directory; those that a line cannot express are counted and left out."""
        given = list(names)
        lines = [name for name in given if not _UNWRITABLE.search(name)]
        self._file.write("".join(f"{name}\n" for name in lines).encode())
        self.count += len(lines)
        self.left_out += len(given) - len(lines)

    def save(self, directory: Directory, path: str) -> None:
        """Write the file in place of an older one.

        :param directory: the LIGHTLY datasource's.
        :param path: relative to it, under ``.lightly/``.
        :raises StorageError: the store refused or cannot be reached.
        """
        self._file.seek(0)
        with directory.explained(f"write {directory}{path}"):
            directory.store.put(path, self._file)


@contextmanager
def relevant_filenames() -> Iterator[RelevantFilenames]:
    """An empty list, in a temporary file: a million names need no memory then."""
    with tempfile.TemporaryFile() as file:
        yield RelevantFilenames(file)


def check_path(path: str) -> str:
    """The path itself if LightlyOne takes it; raises :class:`LightlyConfigError` with the rule if not."""
    parts = path.split("/")
    if path.startswith(LIGHTLY_DIRECTORY) and all(part not in ("", ".", "..") for part in parts):
        return path
    raise LightlyConfigError(
        f"relevant_filenames_file: {path!r} is not inside {LIGHTLY_DIRECTORY} of the LIGHTLY datasource;"
        f" write {LIGHTLY_DIRECTORY}relevant_filenames.txt, for example"
    )
