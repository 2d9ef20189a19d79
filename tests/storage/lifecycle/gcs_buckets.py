"""Google's buckets and objects, written by hand, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from lightly_airflow.storage.lifecycle.columns import NEVER, Objects, microseconds, moment, text_column, time_column
from lightly_airflow.storage.lifecycle.gcs import gcs_rules

Resource = Mapping[str, Any]
Rule = dict[str, Any]
NOW = "2026-03-10T12:00:00Z"
MADE = "2026-03-01T08:30:00Z"


def at(text: str) -> int:
    """A moment, as ``2019-01-10T10:00:00Z`` or a date, in microseconds."""
    return microseconds(datetime.fromisoformat(text))


def objects_of(resources: Sequence[Resource], root: str = "") -> Objects:
    """Columns of resources that have a ``timeCreated`` and perhaps more; times are text."""
    created = time_column([at(one["timeCreated"]) for one in resources])
    facts = {
        "created": created,
        "custom_time": time_column([at(one["customTime"]) if "customTime" in one else NEVER for one in resources]),
        "storage_class": text_column([one.get("storageClass", "STANDARD") for one in resources]),
        "held": np.array([bool(one.get("hold")) for one in resources], bool),
        "kept_until": time_column([at(one["kept"]) if "kept" in one else 0 for one in resources]),
    }
    names = text_column([one.get("name", "a.jpg") for one in resources])
    return Objects(root, names, time_column([one.get("size", 1000) for one in resources]), created, facts)


def delete(**condition: Any) -> Rule:
    return {"action": {"type": "Delete"}, "condition": condition}


def move(target: str, **condition: Any) -> Rule:
    return {"action": {"type": "SetStorageClass", "storageClass": target}, "condition": condition}


def bucket(*rules: Rule, **more: Any) -> dict[str, Any]:
    return {"lifecycle": {"rule": list(rules)}, **more}


def expires(resource: dict[str, Any], given: dict[str, Any], now: str = NOW, root: str = "") -> tuple[str, str] | None:
    """When an object expires and by which rule; ``None`` for never."""
    rules = gcs_rules(given)
    found = rules.expiry(objects_of([{"timeCreated": MADE, **resource}], root), at(now))
    if found.at[0] == NEVER:
        assert found.rule[0] == -1
        return None
    return moment(int(found.at[0])).isoformat().replace("+00:00", "Z"), rules.names[found.rule[0]]
