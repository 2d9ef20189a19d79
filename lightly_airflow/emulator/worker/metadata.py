"""Custom metadata in the Lightly datasource: a schema, and one JSON file an image under the image's own path.

Source: https://docs.lightly.ai/docs/work-with-metadata.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from lightly_airflow.contract.models.base import Model
from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.listing import LIGHTLY_DIRECTORY, list_objects
from lightly_airflow.storage.objects import read_object

Kind = Literal["numeric", "categorical", "free text"]
_DIRECTORY = f"{LIGHTLY_DIRECTORY}metadata/"
SCHEMA = f"{_DIRECTORY}schema.json"
OWN = "lightly."  # how the keys of metadata begin that LightlyOne computes itself
_KINDS: dict[str, Kind] = {"NUMERIC": "numeric", "CATEGORICAL": "categorical", "OTHER": "free text"}
_THREADS = 8  # they only wait


class SchemaEntry(Model):
    """One key of the schema (ConfigurationEntry of LightlyOne's API).

    :param path: the key; dots lead into nested objects, as in ``weather.temperature``.
    :param default_value: holds for images that have no value of their own.
    """

    name: str
    path: Annotated[str, Field(min_length=1)]
    default_value: Any
    value_data_type: Literal[
        "NUMERIC_INT",
        "NUMERIC_FLOAT",
        "CATEGORICAL_STRING",
        "CATEGORICAL_INT",
        "CATEGORICAL_BOOLEAN",
        "CATEGORICAL_DATETIME",
        "CATEGORICAL_TIMESTAMP",
        "OTHER_STRING",
    ]

    @property
    def kind(self) -> Kind:
        """Whether a strategy can count with the values, or tell classes by them."""
        return _KINDS[self.value_data_type.partition("_")[0]]


class _File(Model):
    """An image's own file; ``type`` tells images from frames, and this worker knows images alone."""

    file_name: str
    metadata: dict[str, Any]


_SCHEMA: TypeAdapter[list[SchemaEntry]] = TypeAdapter(list[SchemaEntry])


@dataclass(frozen=True, slots=True)
class CustomMetadata:
    """What the selection asks for: by key, then by the image's name.

    :param n_defaults: how many images have no file of their own.
    """

    numbers: dict[str, dict[str, float]] = field(default_factory=dict)
    classes: dict[str, dict[str, str]] = field(default_factory=dict)
    n_defaults: int = 0


def custom_keys(config: SelectionConfig | None) -> list[str]:
    """The keys of custom metadata that a selection uses."""
    keys = [entry.input.key or "" for entry in config.strategies if entry.input.type == "METADATA"] if config else []
    return [key for key in dict.fromkeys(keys) if not key.startswith(OWN)]


def read_schema(store: Directory) -> dict[str, SchemaEntry]:
    """The schema's entries by their path.

    :param store: the Lightly datasource.
    :raises RunFailed: there is no schema, or it is none.
    """
    if SCHEMA not in {found.path for found in list_objects(store, _DIRECTORY, own=True)}:
        raise RunFailed(f"custom metadata needs a schema, and there is none at {store}{SCHEMA}; write one")
    try:
        entries = _SCHEMA.validate_json(read_object(store, SCHEMA))
    except ValidationError as error:
        raise RunFailed(f"{SCHEMA} is no metadata schema: {_first(error)}") from None
    return {entry.path: entry for entry in entries}


def read_metadata(store: Directory, entries: Iterable[SchemaEntry], names: Sequence[str]) -> CustomMetadata:
    """The images' values of some keys; the schema's default where an image has none.

    :param store: the Lightly datasource.
    :param entries: those keys of the schema.
    :param names: the images' paths.
    :raises RunFailed: a file cannot be read, or a value is not of its key's type.
    """
    present = {found.path for found in list_objects(store, _DIRECTORY, own=True)}
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="metadata") as pool:
        files = dict(zip(names, pool.map(lambda name: _read_file(store, name, present), names), strict=True))
    custom = CustomMetadata(n_defaults=sum(content is None for content in files.values()))
    for entry in entries:
        values = {name: _value(entry, content or {}) for name, content in files.items()}
        if entry.kind == "numeric":
            custom.numbers[entry.path] = {name: _number(entry, name, value) for name, value in values.items()}
        else:
            custom.classes[entry.path] = {name: _class(entry, name, value) for name, value in values.items()}
    return custom


def _read_file(store: Directory, name: str, present: set[str]) -> dict[str, Any] | None:
    path = f"{_DIRECTORY}{PurePosixPath(name).with_suffix('.json')}"
    if path not in present:
        return None
    try:
        content = _File.model_validate_json(read_object(store, path))
    except ValidationError as error:
        raise RunFailed(f"{path} is no metadata of an image: {_first(error)}") from None
    # a.jpg and a.png share a path here; the file says whose it is.
    return content.metadata if content.file_name == name else None


def _value(entry: SchemaEntry, metadata: dict[str, Any]) -> Any:
    value: Any = metadata
    for part in entry.path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return entry.default_value if value is None else value


def _number(entry: SchemaEntry, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RunFailed(f"metadata key {entry.path!r} of {name!r} must be a number, and is {json.dumps(value)}")
    return float(value)


def _class(entry: SchemaEntry, name: str, value: Any) -> str:
    """A target names classes by text, so numbers and booleans are classes as JSON writes them: ``3``, ``true``."""
    if not isinstance(value, (str, int)):
        raise RunFailed(
            f"metadata key {entry.path!r} of {name!r} must be a text, an integer or a boolean, and is {json.dumps(value)}"
        )
    return value if isinstance(value, str) else json.dumps(value)


def _first(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
