"""Airflow connections in, LightlyOne clients and datasource configs out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightly_airflow.hooks.datasource import DatasourceHook, datasource_hook
    from lightly_airflow.hooks.lightly import LightlyHook

__all__ = ["DatasourceHook", "LightlyHook", "datasource_hook"]
# Loaded when they are asked for: a triggerer, whose event loop waits meanwhile, needs nothing of datasources.
_MODULES = {"DatasourceHook": "datasource", "LightlyHook": "lightly", "datasource_hook": "datasource"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
