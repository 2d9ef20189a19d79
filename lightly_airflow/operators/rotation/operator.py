"""A secret was changed in a connection: the datasources of all datasets follow, proven before and after."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from airflow.sdk import conf

from lightly_airflow.arguments import by_name, check_choice, flag, is_template, seconds
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.exceptions import input_errors
from lightly_airflow.operators.base import LightlyOperator
from lightly_airflow.operators.rotation import result, wait
from lightly_airflow.operators.rotation.arguments import (
    OnActiveRun,
    check_literals,
    connections,
    directory,
    wanted,
)
from lightly_airflow.operators.rotation.dataset import Busy, Rotation
from lightly_airflow.operators.rotation.result import Ledger, Rotated, Target
from lightly_airflow.operators.run import POLL_INTERVAL

if TYPE_CHECKING:
    from airflow.sdk import XComArg


class LightlyRotateCredentialsOperator(LightlyOperator):
    """Gives the datasources of datasets the credentials that a connection holds now, proven before and after.

    LightlyOne keeps its own copy of a datasource's credentials, and replacing it takes effect at once. So of each dataset
    those datasources whose credentials have changed are taken through a preflight, replaced together, and verified by
    LightlyOne, which verifies all datasources of a dataset together; where that fails, the previous credentials are put back.
    Path, region, thumbnails and KMS key stay as LightlyOne has them. A dataset that fails does not stop the others, and one
    with a run under way is waited for while the others are rotated. See https://docs.lightly.ai/docs/cloud-storage for the
    permissions.

    :param dataset_id: the dataset, or a list of datasets, such as another task's output (templated; default ``None``: all
        that the token can see).
    :param dataset_name: of all datasets, those whose names match this shell pattern, such as ``city-*`` (templated; default
        ``None``: each).
    :param resource_path: only datasources at or below this path, such as ``s3://bucket/`` (templated; default ``None``:
        wherever they are).
    :param datasource_conn_id: id of the connection with the new credentials, or a mapping of purpose to such an id, as in
        ``{"INPUT": "cameras_read", "LIGHTLY": "cameras_write"}`` (templated).
    :param purpose: which datasources: one or more of ``INPUT``, ``LIGHTLY`` and ``INPUT_OUTPUT`` (templated; default
        ``None``: the keys of ``datasource_conn_id``, else ``INPUT`` and ``LIGHTLY``).
    :param previous_conn_id: id of a connection that still has the old credentials, or a mapping as above, to put them back if
        LightlyOne cannot use the new ones (templated; default ``None``: nothing is put back).
    :param on_active_run: what to do where a worker has begun a run of the dataset and credentials have changed: ``wait``
        until it has ended (default), ``go_on``, or ``fail``. Runs in the queue get the new credentials (templated).
    :param deferrable: wait in the triggerer (default: Airflow's ``[operators] default_deferrable``).
    :param poll_interval: seconds or timedelta between two looks at the runs that are waited for (templated; default 30 s,
        below which LightlyOne may limit the rate).
    :param dry_run: tell what would be done, and tell LightlyOne nothing; the preflight is still made, which writes and
        deletes a small object where the purpose needs writing (templated; default ``False``).
    :param preflight: try the new credentials from here before LightlyOne is told, once for each path (default ``True``;
        ``False`` where Airflow cannot reach the storage).
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :returns: :class:`~lightly_airflow.operators.rotation.result.Rotated`: counts, the ids of the rotated datasets, and
        whether it was a dry run.
    :raises LightlyInputError: an argument that cannot be right.
    :raises LightlyRotationFailed: datasets were refused before, rolled back or are broken; names each with its reason. The
        others have the new credentials, and a retry leaves those alone.
    """

    template_fields: Sequence[str] = (
        "dataset_id", "dataset_name", "resource_path", "datasource_conn_id", "purpose", "previous_conn_id", "on_active_run",
        "poll_interval", "dry_run", "lightly_conn_id",
    )  # fmt: skip

    def __init__(
        self,
        *,
        dataset_id: str | Sequence[str] | XComArg | None = None,
        dataset_name: str | None = None,
        resource_path: str | None = None,
        datasource_conn_id: str | Mapping[str, str],
        purpose: str | Sequence[str] | None = None,
        previous_conn_id: str | Mapping[str, str] | None = None,
        on_active_run: OnActiveRun = "wait",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: timedelta | float | str = POLL_INTERVAL,
        dry_run: bool | str = False,
        preflight: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**by_name(kwargs))
        self.dataset_id: Any = dataset_id
        self.dataset_name = dataset_name
        self.resource_path = resource_path
        self.datasource_conn_id = datasource_conn_id
        self.purpose = purpose
        self.previous_conn_id = previous_conn_id
        self.on_active_run = on_active_run
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.dry_run = dry_run  # type: ignore[method-assign, assignment]  # the base has a method of that name
        self.preflight = preflight
        self._everything = dataset_id is None
        self._check_literals()

    def execute(self, context: Any) -> Rotated:
        deadline = None if self.execution_timeout is None else time.time() + self.execution_timeout.total_seconds()
        with input_errors():
            rotation = self._rotation("")
            asked_for = wanted(self.dataset_id, self.dataset_name, everything=self._everything)
            targets = asked_for.targets(self.hook)
        if not targets:
            self.log.warning("There is no dataset to rotate: dataset_id is empty, or no name matches dataset_name")
        ledger = Ledger(len(targets))
        busy = self._pass(rotation, targets, ledger)
        self._tell_left_out(rotation)
        return self._finish(rotation, busy, ledger, deadline)

    def execute_complete(
        self,
        context: Any,
        event: dict[str, Any] | None = None,
        *,
        waiting: Sequence[Sequence[str]] | None = None,
        results: Sequence[Any] = (),
        deadline: float | None = None,
    ) -> Rotated:
        """Called when the trigger has fired. The event only wakes: LightlyOne itself is asked how the run stands.

        :param waiting: the datasets that were waited for, with their runs; ``None``: it is not known any more.
        :param results: what had come of the others.
        :param deadline: when ``execution_timeout`` is over, in seconds since 1970.
        """
        if waiting is None:
            # Airflow's dag.test() drops what a task has deferred with (3.3.2). What was rotated is unchanged by now.
            return self.execute(context)
        done, busy = result.from_plain(results), wait.from_plain(waiting)
        ledger = Ledger(len(done) + len(busy), done)
        ledger.wait(len(busy))
        rotation, busy = self._woken(event or {}, busy, ledger)
        return self._finish(rotation, busy, ledger, deadline)

    def _pass(self, rotation: Rotation, targets: Sequence[Target], ledger: Ledger) -> list[Busy]:
        """Takes one dataset after the other; those with a run under way are left."""
        busy = []
        for target in targets:
            came = rotation.of(target)
            if isinstance(came, Busy):
                busy.append(came)
                ledger.wait(1)
            else:
                ledger.add(came)
            ledger.progress()
        return busy

    def _finish(self, rotation: Rotation, busy: list[Busy], ledger: Ledger, deadline: float | None) -> Rotated:
        """Waits for runs as long as there are any, and tells what came of it all."""
        interval = seconds("poll_interval", self.poll_interval)
        while busy:
            wait.tell_waiting(busy)
            if self.deferrable:
                self._defer(busy, ledger, interval, deadline)
            event = wait.wait_here(self.hook, busy, interval, deadline)
            rotation, busy = self._woken(event, busy, ledger)
        self.log.info("The credentials of %s:\n%s", rotation.connections, ledger.table())
        return ledger.concluded(str(rotation.connections), dry_run=rotation.dry_run)

    def _woken(self, event: Mapping[str, Any], busy: Sequence[Busy], ledger: Ledger) -> tuple[Rotation, list[Busy]]:
        """A run has ended, or the wait for all of them: whose turn it is now. The connections are read anew."""
        now, waited = wait.turns(busy, event), wait.over(event)
        others = [one for one in busy if one not in now]
        if wait.may_pass(event):
            rotation, now = self._turn(now, ledger, "")
            if len(now) < len(busy):
                return rotation, now
        rotation, now = self._turn(now, ledger, waited)
        return rotation, [*now, *others]

    def _turn(self, now: Sequence[Busy], ledger: Ledger, waited: str) -> tuple[Rotation, list[Busy]]:
        with input_errors():
            rotation = self._rotation(waited)
        ledger.wait(-len(now))
        return rotation, self._pass(rotation, [one.target for one in now], ledger)

    def _defer(self, busy: Sequence[Busy], ledger: Ledger, interval: float, deadline: float | None) -> None:
        self.defer(
            trigger=wait.trigger_for(self.lightly_conn_id, busy, interval, deadline),
            method_name="execute_complete",
            kwargs={
                "waiting": wait.plain(busy),
                "results": [one.plain() for one in ledger.results],
                "deadline": deadline,
            },
            timeout=wait.airflows_timeout(interval, deadline),
        )

    def _rotation(self, waited: str) -> Rotation:
        """What can be told before the first request."""
        check_choice("on_active_run", self.on_active_run, get_args(OnActiveRun))
        seconds("poll_interval", self.poll_interval)
        return Rotation(
            self.hook,
            connections(self.datasource_conn_id, self.purpose, self.previous_conn_id),
            directory(self.resource_path),
            self.dataset_id is None,
            self.on_active_run,
            waited,
            self.preflight,
            flag("dry_run", self.dry_run),
        )

    def _check_literals(self) -> None:
        check_choice("on_active_run", self.on_active_run, get_args(OnActiveRun))
        check_literals(self.datasource_conn_id, self.purpose, self.previous_conn_id)
        if not is_template(self.poll_interval):
            seconds("poll_interval", self.poll_interval)
        if self.resource_path is not None and not is_template(self.resource_path):
            directory(self.resource_path)
        given = [one for one in (self.dataset_id, self.dataset_name) if one is not None]
        if len(given) > 1 and not any(map(is_template, given)):
            raise LightlyConfigError("give dataset_id or dataset_name, not both")

    def _tell_left_out(self, rotation: Rotation) -> None:
        if rotation.left_out:
            told = ", ".join(f"{count} {kind}" for kind, count in rotation.left_out.most_common())
            self.log.info("Datasources that were left out: %s", told)
