"""Whether a selection can be followed here: said before the work begins, as far as it can be known."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from lightly_airflow.contract.models.samples import SampleMetaData
from lightly_airflow.contract.models.selection import SelectionConfig, SelectionEntry
from lightly_airflow.contract.rules import entry_problem
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.images import numeric_metadata
from lightly_airflow.emulator.worker.metadata import OWN, SCHEMA, Kind, SchemaEntry

_OWN_KINDS: dict[str, Kind] = dict.fromkeys(numeric_metadata(SampleMetaData()), "numeric")


def check_selection(config: SelectionConfig) -> None:
    """Refuse what cannot be followed, whatever the images are.

    :raises RunFailed: a strategy is not legal, or it or an option is not emulated.
    """
    for name, value in {"lightly_path_regex": config.lightly_path_regex, "auto_tasks": config.auto_tasks}.items():
        if value:
            raise RunFailed(f"selection_config.{name} is not emulated; leave it out")
    for i, entry in enumerate(config.strategies):
        problem = entry_problem(entry) or _needs_predictions(entry) or _own_key_problem(entry)
        if problem:
            raise RunFailed(f"selection_config.strategies[{i}]: {problem}")


def check_custom_keys(config: SelectionConfig, schema: Mapping[str, SchemaEntry]) -> None:
    """Refuse keys that the schema does not have, or not for their strategy.

    :raises RunFailed: names the key and those that are known.
    """
    kinds = {**{path: entry.kind for path, entry in schema.items()}, **_OWN_KINDS}
    for i, entry in enumerate(config.strategies):
        if entry.input.type == "METADATA" and (problem := _key_problem(entry, kinds)):
            raise RunFailed(f"selection_config.strategies[{i}]: {problem}")


def did_you_mean(given: str, known: list[str]) -> str:
    """A guess at a mistyped name, to be put after it; empty without a guess."""
    close = difflib.get_close_matches(given, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _needs_predictions(entry: SelectionEntry) -> str | None:
    given = entry.input
    if given.type in ("SCORES", "PREDICTIONS") or given.task:
        return f"{given.type}{' with a task' if given.task else ''} needs predictions, which are not emulated"
    return None


def _own_key_problem(entry: SelectionEntry) -> str | None:
    own = entry.input.type == "METADATA" and (entry.input.key or "").startswith(OWN)
    return _key_problem(entry, _OWN_KINDS) if own else None


def _key_problem(entry: SelectionEntry, kinds: Mapping[str, Kind]) -> str | None:
    key = entry.input.key or ""
    if key not in kinds:
        return f"metadata key {key!r} is unknown{did_you_mean(key, list(kinds))}; known are {', '.join(kinds)}"
    needed = "categorical" if entry.strategy.type == "BALANCE" else "numeric"
    if kinds[key] == needed:
        return None
    others = ", ".join(other for other, kind in kinds.items() if kind == needed) or f"those of {SCHEMA}"
    return f"{entry.strategy.type} needs {needed} metadata, and {key!r} is {kinds[key]}; {needed} keys are {others}"
