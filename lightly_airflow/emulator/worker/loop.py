"""The worker's life: take the most urgent run, do it, close it, look for the next."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lightly_airflow.contract.errors import LightlyConflict, LightlyError, LightlyNotFound
from lightly_airflow.contract.models.runs import RunCreateRequest, ScheduledRun
from lightly_airflow.contract.models.workers import WorkerState
from lightly_airflow.contract.operations import datasets, runs, schedules, workers
from lightly_airflow.contract.states import RunState, ScheduledState, meaning
from lightly_airflow.emulator.worker.failure import RunAborted
from lightly_airflow.emulator.worker.heartbeat import Heartbeat
from lightly_airflow.emulator.worker.job import Job, Sources
from lightly_airflow.emulator.worker.journal import Api, Journal
from lightly_airflow.emulator.worker.process import process
from lightly_airflow.emulator.worker.report_json import VERSION
from lightly_airflow.emulator.worker.results import save_artifact

_log = logging.getLogger(__name__)


@dataclass
class Worker:
    """A worker of one account.

    :param api: makes a call under the account's token and gives its result; used from two threads.
    :param datasource: a dataset's datasource of a purpose, with its real credentials.
    :param name: the worker's name; the same name is the same worker, also after a restart.
    :param labels: it takes the runs whose ``runs_on`` they cover.
    :param poll_seconds: how often it looks for runs while it has none; default 1.
    :param now: the clock, in seconds since 1970.
    """

    api: Api = field(repr=False)
    datasource: Sources = field(repr=False)
    name: str = "emulator"
    labels: Sequence[str] = ()
    poll_seconds: float = 1.0
    now: Callable[[], float] = time.time
    _worker_id: str = field(default="", init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def run_forever(self, stop: threading.Event) -> None:
        """Work until told to stop; a run that is at work then ends as ABORTED."""
        self._stop = stop
        self.start()
        with Heartbeat(self._tell) as heartbeat:
            while not stop.is_set():
                if not self._safe_step(heartbeat):
                    stop.wait(self.poll_seconds)

    def start(self) -> None:
        """Register, and close what an earlier worker of this name left behind: LightlyOne lists it by worker."""
        self._worker_id = self.api(workers.register_worker(self.name, self.labels, VERSION)).id
        for scheduled in self.api(schedules.runs_for_worker(self._worker_id, "LOCKED")):
            self._abandon(scheduled)

    def step(self) -> bool:
        """Do one run, if one is offered; whether there was one. Call :meth:`start` before."""
        taken = self._take()
        if taken is not None:
            self._work(taken)
        return taken is not None

    def _safe_step(self, heartbeat: Heartbeat) -> bool:
        try:
            taken = self._take()
            if taken is None:
                return False
            with heartbeat.busy():
                self._work(taken)
        except LightlyError as error:
            # The API may be gone for a while; the worker is not.
            _log.warning("worker %s: %s", self.name, error)
            return False
        except Exception:
            _log.exception("worker %s: a step failed; the next run is tried all the same", self.name)
            return False
        return True

    def _take(self) -> ScheduledRun | None:
        offered = self.api(schedules.runs_for_worker(self._worker_id))
        return next((scheduled for scheduled in offered if self._lock(scheduled)), None)

    def _lock(self, scheduled: ScheduledRun) -> bool:
        try:
            self._update(scheduled, "LOCKED")
        except (LightlyConflict, LightlyNotFound):
            return False  # another worker was faster, or the run was cancelled
        return True

    def _work(self, scheduled: ScheduledRun) -> None:
        try:
            journal = Journal(self.api, self._begin(scheduled), self.now, self._stop.is_set)
            state, message = self._outcome(scheduled, journal)
            self._end(journal, state, message)
        finally:
            self._update(scheduled, "DONE")

    def _begin(self, scheduled: ScheduledRun) -> str:
        request = RunCreateRequest(
            docker_version=VERSION,
            dataset_id=scheduled.dataset_id,
            scheduled_id=scheduled.id,
            config_id=scheduled.config_id,
            creator="USER_WORKER",
        )
        return self.api(runs.create_run(request)).id

    def _outcome(self, scheduled: ScheduledRun, journal: Journal) -> tuple[RunState, str]:
        try:
            dataset = self.api(datasets.get_dataset(scheduled.dataset_id))
            config = self.api(schedules.get_config(scheduled.config_id)).config
            return "COMPLETED", process(Job(self.api, self.datasource, journal, dataset, config))
        except RunAborted as error:
            return "ABORTED", str(error)
        except LightlyError as error:
            return "FAILED", str(error)
        except Exception:
            _log.exception("worker %s: run %s crashed", self.name, journal.run_id)
            return "CRASHED", "the worker crashed; the reason is in its own log"

    def _end(self, journal: Journal, state: RunState, message: str) -> None:
        try:
            journal.say(message, "INFO" if state == "COMPLETED" else "ERROR")
            save_artifact(self.api, journal.run_id, "log.txt", "LOG", journal.log_text())
        except LightlyError as error:
            _log.warning("worker %s: the log of run %s was not saved: %s", self.name, journal.run_id, error)
        journal.enter(state, message)

    def _abandon(self, scheduled: ScheduledRun) -> None:
        try:
            run = self.api(runs.run_of_schedule(scheduled.id))
            if not meaning(run.state).terminal:
                self.api(runs.update_run(run.id, "CRASHED", "the worker was restarted while it was at this run"))
        except LightlyNotFound:
            _log.warning("worker %s: scheduled run %s was locked and never begun", self.name, scheduled.id)
        self._update(scheduled, "DONE")

    def _update(self, scheduled: ScheduledRun, state: ScheduledState) -> None:
        self.api(schedules.update_scheduled_run(scheduled.dataset_id, self._worker_id, scheduled.id, state))

    def _tell(self, state: WorkerState) -> None:
        try:
            self.api(workers.update_worker(self._worker_id, state))
        except LightlyError as error:
            _log.warning("worker %s: %s", self.name, error)
