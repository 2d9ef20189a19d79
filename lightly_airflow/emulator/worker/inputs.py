"""Which objects of the input datasource a run looks at."""

from __future__ import annotations

from dataclasses import dataclass

from lightly_airflow.contract.files import IMAGE_SUFFIXES, is_image
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.listing import LIGHTLY_DIRECTORY, StoredObject, list_objects
from lightly_airflow.storage.objects import read_object


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was found.

    :param images: the images.
    :param others: paths of the files of other types, below the datasource's directory.
    :param n_expiring: how many images were left out because they expire too soon.
    """

    images: list[StoredObject]
    others: list[str]
    n_expiring: int = 0

    @property
    def names(self) -> list[str]:
        """Paths of the images below the datasource's directory."""
        return [image.path for image in self.images]


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when an object must have been written, in seconds since 1970, both inclusive."""

    since: int
    until: int

    def holds(self, found: StoredObject) -> bool:
        return self.since <= int(found.last_modified.timestamp()) <= self.until


@dataclass(frozen=True, slots=True)
class Relevant:
    """The files that a relevant filenames file names: single names, and prefixes."""

    names: frozenset[str]
    prefixes: tuple[str, ...]

    def holds(self, path: str) -> bool:
        return path in self.names or path.startswith(self.prefixes)


def find_inputs(store: Directory, window: Window, relevant: Relevant | None) -> Inputs:
    """List the input datasource and keep what the run is about.

    :raises RunFailed: there is nothing to work on.
    """
    listed = list(list_objects(store))
    found = [item for item in listed if window.holds(item) and (relevant is None or relevant.holds(item.path))]
    images = [item for item in found if is_image(item.path)]
    if not images:
        raise RunFailed(_nothing(store, window, relevant, len(listed)))
    return Inputs(images, [item.path for item in found if not is_image(item.path)])


def read_relevant(store: Directory, path: str) -> Relevant:
    """Read a relevant filenames file: a name a line, or a prefix that ends in ``*``.

    LightlyOne also takes gitignore patterns behind a prefix; the emulator refuses those.

    :param store: the Lightly datasource.
    :param path: inside its ``.lightly/``.
    :raises RunFailed: the path or a line cannot be used.
    """
    if not path.startswith(LIGHTLY_DIRECTORY):
        raise RunFailed(
            f"relevant_filenames_file must lie in the Lightly datasource's {LIGHTLY_DIRECTORY}, not at {path!r}"
        )
    text = read_object(store, path).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        _check_line(path, line)
    prefixes = tuple(line.removesuffix("*") for line in lines if line.endswith("*"))
    return Relevant(frozenset(line for line in lines if not line.endswith("*")), prefixes)


def _check_line(path: str, line: str) -> None:
    if line.startswith("/") or "://" in line or {".", ".."} & set(line.split("/")):
        raise RunFailed(f"{path}: {line!r} is not relative to the input datasource; write such as 'day1/image.jpg'")
    if "*" in line.removesuffix("*"):
        raise RunFailed(f"{path}: {line!r} is a pattern that is not emulated; write names, or prefixes that end in '*'")


def _nothing(store: Directory, window: Window, relevant: Relevant | None, n_listed: int) -> str:
    types = ", ".join(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)
    if n_listed and relevant is not None:
        return f"none of the relevant filenames names an image under {store}; supported types are {types}"
    if n_listed and window.since:
        return (
            f"no images under {store} are newer than those already processed;"
            " set datasource.process_all to look at all of them again"
        )
    return f"no images found under {store}; supported types are {types}"
