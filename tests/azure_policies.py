"""Lifecycle management policies as Azure's management API returns them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def rule(name: str = "rule", delete: Json | None = None, enabled: bool | None = True, **filters: Any) -> Json:
    """A rule.

    :param delete: the conditions on which it deletes current blobs; ``None`` for one that does not.
    :param enabled: ``None`` leaves it out.
    :param filters: such as ``prefixMatch``.
    """
    actions = {"tierToCool": {"daysAfterModificationGreaterThan": 1}, **({} if delete is None else {"delete": delete})}
    definition = {"filters": {"blobTypes": ["blockBlob"], **filters}, "actions": {"baseBlob": actions}}
    told = {"name": name, "type": "Lifecycle", "definition": definition}
    return told if enabled is None else {**told, "enabled": enabled}


def modified(number: float) -> Json:
    """So many days after the last modification."""
    return {"daysAfterModificationGreaterThan": number}


def tagged(**tags: str) -> list[Json]:
    """A filter for blobs that have all of these index tags."""
    return [{"name": name, "op": "==", "value": value} for name, value in tags.items()]


def policy(*rules: Json, changed: str = "2018-06-08T03:01:55.7168089Z") -> Json:
    """A policy of these rules.

    :param changed: when it was last modified.
    """
    return {
        "name": "DefaultManagementPolicy",
        "type": "Microsoft.Storage/storageAccounts/managementPolicies",
        "properties": {"policy": {"rules": list(rules)}, "lastModifiedTime": changed},
    }
