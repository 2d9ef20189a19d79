"""Airflow connections in, LightlyOne clients and datasource configs out."""

from __future__ import annotations

from lightly_airflow.hooks.datasource import DatasourceHook, datasource_hook
from lightly_airflow.hooks.lightly import LightlyHook

__all__ = ["DatasourceHook", "LightlyHook", "datasource_hook"]
