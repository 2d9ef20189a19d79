"""What stands before an emulator in a test: it counts the requests that come over HTTP, and may answer some of them itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from lightly_airflow.contract.models.datasources import LocalConfig
from lightly_airflow.contract.operations import datasets, datasources, runs, schedules
from lightly_airflow.contract.wire import Call, Request, Response
from lightly_airflow.emulator.serve import Server
from lightly_airflow.emulator.service import Emulator
from lightly_airflow.testing import TOKEN
from tests.client.flows.conftest import CONFIG

T = TypeVar("T")
LIST, QUEUE, CANCEL = runs.LIST.operation, schedules.LIST_FOR_WORKERS.operation, schedules.CANCEL.operation
SINGLE = runs.GET_OF_SCHEDULE.operation
UNAUTHORIZED = Response(401, b'{"code": "UNAUTHORIZED", "error": "the token is not known here"}')


@dataclass
class Gate:
    """Requests over HTTP pass through here; :attr:`call` goes round it.

    :param token: the one that is accepted just now. The account stays the same when it changes.
    :param answers: answers in the emulator's place; ``None`` lets a request pass.
    :param refused: what was not answered with a status of success.
    """

    server: Server
    token: str = TOKEN
    answers: Callable[[str], Response | None] = lambda operation: None
    operations: list[str] = field(default_factory=list)
    refused: list[tuple[str, int]] = field(default_factory=list)
    _behind: Emulator = field(init=False)

    def __post_init__(self) -> None:
        self.stand_before(self.server)

    def stand_before(self, server: Server) -> None:
        """From now on before this server."""
        self.server = server
        self._behind = Emulator(server.emulator.world, [TOKEN], server.url)
        setattr(server.emulator, "send", self._send)  # noqa: B010 - an instance's own function in place of the method

    @property
    def call(self) -> Callable[[Call[T]], T]:
        """Makes one API call that is not counted."""
        return self._behind.api(TOKEN)

    def rounds(self) -> int:
        """How many rounds over several runs have begun."""
        return self.operations.count(LIST)

    def _send(self, request: Request, token: str | None) -> Response:
        operation = self._behind.operation(request.method, request.path)
        self.operations.append(operation)
        refused = None if token in (self.token, None) else UNAUTHORIZED
        # Signed URLs come without a token; what else does is refused behind this gate.
        answer = refused or self.answers(operation) or self._behind.send(request, token and TOKEN)
        if answer.status // 100 != 2:
            self.refused.append((operation, answer.status))
        return answer

    def datasets(self, count: int, name: str = "cameras") -> Iterator[str]:
        """So many datasets that are ready for runs; their ids."""
        for number in range(count):
            dataset_id = self.call(datasets.create_dataset(f"{name}-{number}", "Images")).id
            self.call(datasources.put_datasource(dataset_id, LocalConfig(purpose="INPUT", full_path="")))
            self.call(datasources.put_datasource(dataset_id, LocalConfig(purpose="LIGHTLY", full_path="")))
            yield dataset_id

    def runs(self, count: int, runs_on: tuple[str, ...] = ()) -> dict[str, str]:
        """So many runs that wait, each in a dataset of its own: scheduled run's id -> dataset's id."""
        config_id = self.call(schedules.create_config(CONFIG)).id
        found = {}
        for dataset_id in self.datasets(count, f"set-{len(self.operations)}-{config_id[:4]}"):
            found[self.call(schedules.schedule_run(dataset_id, config_id, "MID", runs_on)).id] = dataset_id
        return found
