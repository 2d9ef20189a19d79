"""What a task remembers across its tries: which worker config it made, so that a retry finds the run that exists."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.models.worker_config import RunConfig

log = logging.getLogger(__name__)
KEY = "lightly_run"


@dataclass(frozen=True)
class Remembered:
    """What an earlier try has left.

    :param config_id: the worker config that it made.
    :param cleared: the task was cleared since; ``False`` where an earlier version, which did not note it, left no word.
    """

    config_id: str
    cleared: bool


class RunMemory:
    """The task's state store (Airflow 3.3 and later), holding one config id and the fingerprint of what it was made for.

    Without the store nothing is remembered, and a retry schedules a run of its own.

    :param context: the task's context.
    :param dataset_id: the dataset to process.
    :param config: the rendered configuration.
    """

    def __init__(self, context: Any, dataset_id: str, config: RunConfig) -> None:
        self._store = context.get("task_state_store")
        self._round = _round(context)
        self._fingerprint = _fingerprint(dataset_id, config)

    def recall(self) -> Remembered | None:
        """What an earlier try for the same dataset and configuration left, unless the task has ended and was cleared."""
        kept = self._store.get(KEY, None) if self._store is not None else None
        if not isinstance(kept, dict) or kept.get("fingerprint") != self._fingerprint:
            return None
        if kept.get("ended_in", self._round) != self._round:
            return None
        return Remembered(str(kept["config_id"]), kept.get("made_in", self._round) != self._round)

    def keep(self, config_id: str) -> None:
        """Remembers a config id. Called before anything is scheduled with it."""
        if self._store is None:
            log.info(
                "This Airflow has no task state (3.3 and later have): a retry of this task would schedule another run"
            )
        else:
            self._store.set(KEY, {"config_id": config_id, "fingerprint": self._fingerprint, "made_in": self._round})


def ended(context: Any) -> None:
    """The run has ended well and the task is about to: clearing it shall schedule another run.

    A try that dies before Airflow has recorded its success is repeated, and still finds the run.
    """
    store, current = context.get("task_state_store"), _round(context)
    kept = None if store is None else store.get(KEY, None)
    if isinstance(kept, dict):
        store.set(KEY, {**kept, "ended_in": current})


def _round(context: Any) -> Any:
    """The task's max_tries: a retry leaves it as it is, clearing raises it by the tries that were."""
    return getattr(context.get("ti"), "max_tries", None)


def _fingerprint(dataset_id: str, config: RunConfig) -> str:
    told = json.dumps([dataset_id, wire(config)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
