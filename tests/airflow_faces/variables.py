"""Airflow's Variables, and connections of its database, without a scheduler: what answers a task's questions in the place of
its supervisor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import (
    ConnectionResult,
    DeleteVariable,
    ErrorResponse,
    GetConnection,
    GetVariable,
    OKResponse,
    PutVariable,
    VariableResult,
)


class Variables(dict[str, Any]):
    """Speaks the supervisor's words for Variables and connections, and knows nothing else.

    :ivar refused: which questions fail, as if Airflow's API server did not answer.
    """

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        super().__init__(kept or {})
        self.connections: dict[str, dict[str, Any]] = {}
        self.refused: tuple[type, ...] = ()

    def send(self, asked: Any) -> Any:
        if isinstance(asked, self.refused):
            raise no_answer()
        if isinstance(asked, GetVariable) and asked.key in self:
            return VariableResult(key=asked.key, value=self[asked.key])
        if isinstance(asked, GetConnection) and asked.conn_id in self.connections:
            return ConnectionResult(conn_id=asked.conn_id, **self.connections[asked.conn_id])
        if isinstance(asked, PutVariable):
            self[asked.key] = asked.value
        if isinstance(asked, DeleteVariable):
            self.pop(asked.key, None)  # Airflow's API takes it for deleted as well
        if isinstance(asked, (PutVariable, DeleteVariable)):
            return OKResponse(ok=True)
        return ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)


def no_answer() -> AirflowRuntimeError:
    """What a task is told when Airflow's API server has not answered its supervisor."""
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))
