"""Rotating credentials: the operator, and what it takes to replace those of one dataset without breaking it."""

from __future__ import annotations

from lightly_airflow.operators.rotation.operator import LightlyRotateCredentialsOperator

__all__ = ["LightlyRotateCredentialsOperator"]
