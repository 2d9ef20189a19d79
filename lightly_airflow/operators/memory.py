"""What a task remembers across its tries: which worker config it made, so that a retry finds the run that exists."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.worker_config import RunConfig
from lightly_airflow.hooks import run_log

KEY = "lightly_run"


class RunMemory:
    """The task's state store (Airflow 3.3 and later), holding one config id and the fingerprint of what it was made for.

    Without the store nothing is remembered, and a retry schedules a run of its own.

    :param context: the task's context.
    :param dataset_id: the dataset to process.
    :param config: the rendered configuration.
    """

    def __init__(self, context: Any, dataset_id: str, config: RunConfig) -> None:
        self._store = context.get("task_state_store")
        self._fingerprint = _fingerprint(dataset_id, config)

    def recall(self) -> str | None:
        """The config id of an earlier try, if that try was for the same dataset and configuration."""
        kept = self._store.get(KEY, None) if self._store is not None else None
        if isinstance(kept, dict) and kept.get("fingerprint") == self._fingerprint:
            return str(kept["config_id"])
        return None

    def keep(self, config_id: str) -> None:
        """Remembers a config id. Called before anything is scheduled with it."""
        if self._store is not None:
            self._store.set(KEY, {"config_id": config_id, "fingerprint": self._fingerprint})


def forget(context: Any) -> None:
    """Forgets the run and its log: it has ended, and clearing the task shall schedule another."""
    store = context.get("task_state_store")
    if store is not None:
        store.delete(KEY)
        store.delete(run_log.KEY)


def _fingerprint(dataset_id: str, config: RunConfig) -> str:
    told = json.dumps([dataset_id, wire(config)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
