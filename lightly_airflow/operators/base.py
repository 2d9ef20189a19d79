"""What the operators share: the hook, and telling a literal from what is only known when the task runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.hooks.lightly import LightlyHook


class LightlyOperator(BaseOperator):
    """Base of the operators: they speak to LightlyOne through one connection, looked up when the task runs.

    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    """

    ui_color = "#e8f1fb"

    def __init__(self, *, lightly_conn_id: str = LightlyHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lightly_conn_id = lightly_conn_id

    @cached_property
    def hook(self) -> LightlyHook:
        return LightlyHook(self.lightly_conn_id)


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


def check_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raises :class:`LightlyConfigError` for a literal that is none of the choices."""
    allowed = list(choices)
    if not is_template(value) and value not in allowed:
        raise LightlyConfigError(f"{name}: {value!r} is not one of {', '.join(allowed)}")


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
