"""What DAG authors write: telling a literal from what is only known when the task runs, and checking literals early."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from lightly_airflow.contract.errors import LightlyConfigError

# Crops datasets are made by runs, never by hand.
DATASET_TYPES = ("Images", "Videos")


def is_template(value: Any) -> bool:
    """Whether a value is only known when the task runs: Jinja, or another task's output."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return hasattr(value, "resolve")


def holds_template(value: Any) -> bool:
    """Whether a template stands anywhere in a nested value."""
    if isinstance(value, Mapping):
        return any(holds_template(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(holds_template(item) for item in value)
    return is_template(value)


def by_name(arguments: dict[str, Any]) -> dict[str, Any]:
    """Airflow's own arguments of a task that returns a dict: other tasks take single values, as in ``task.output["run_id"]``,
    unless the author says otherwise."""
    return {"multiple_outputs": True, **arguments}


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raises :class:`LightlyConfigError` for a literal that is none of the choices."""
    allowed = list(choices)
    if not is_template(value) and value not in allowed:
        raise LightlyConfigError(f"{name}: {value!r} is not one of {', '.join(allowed)}")


def flag(name: str, value: Any) -> bool:
    """Yes or no, also as a template renders it: ``True``, ``"true"``; raises :class:`LightlyConfigError` for anything else."""
    told = str(value).strip().lower()
    if told in ("true", "false"):
        return told == "true"
    raise LightlyConfigError(f"{name}: {value!r} is neither true nor false")


def one_or_many(name: str, value: Any) -> list[str]:
    """One id or a list of ids as a list without repetitions; raises :class:`LightlyConfigError` for anything else."""
    ids = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [None]
    if not all(isinstance(one, str) and one and not one.startswith("[") for one in ids):
        raise LightlyConfigError(
            f"{name}: {value!r} is neither an id nor a list of ids; a template renders a list as text: take another task's"
            " list as task.output"
        )
    return list(dict.fromkeys(ids))


def seconds(name: str, value: Any) -> float:
    """A duration in seconds; raises :class:`LightlyConfigError` where it is none."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if number > 0:
        return number
    raise LightlyConfigError(f"{name}: {value!r} is not a number of seconds above 0")


def days(name: str, value: Any) -> float:
    """A number of days; raises :class:`LightlyConfigError` for a literal that is none. ``None`` and templates pass as 0."""
    if value is None or is_template(value):
        return 0
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if 0 <= number < math.inf:
        return int(number) if number.is_integer() else number
    raise LightlyConfigError(f"{name}: {value!r} is not a number of days, 0 or more")
