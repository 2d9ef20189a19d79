"""What the operators share: the hook."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator

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
