"""S3's rules in boto3's form."""

from __future__ import annotations

from typing import Any


def rule(days: int | None = 1, **more: Any) -> dict[str, Any]:
    """A rule in boto3's form; for the whole bucket unless it says otherwise."""
    expiration: dict[str, Any] = {"Expiration": {"Days": days}} if days else {}
    given: dict[str, Any] = {} if "Prefix" in more else {"Filter": {}}
    return {"ID": "one", "Status": "Enabled", **given, **expiration, **more}


def to(storage_class: str, days: int) -> dict[str, Any]:
    return {"Transitions": [{"Days": days, "StorageClass": storage_class}]}


def prefix(text: str) -> dict[str, Any]:
    return {"Filter": {"Prefix": text}}
