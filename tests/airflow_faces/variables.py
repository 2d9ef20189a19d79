"""Airflow's Variables, and connections of its database, without a scheduler: what answers a task's questions in the place of
its supervisor."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import ErrorType
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
    """Speaks the supervisor's words for Variables and connections, and knows nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.connections: dict[str, dict[str, Any]] = {}

    def send(self, asked: Any) -> Any:
        if isinstance(asked, GetVariable) and asked.key in self:
            return VariableResult(key=asked.key, value=self[asked.key])
        if isinstance(asked, GetConnection) and asked.conn_id in self.connections:
            return ConnectionResult(conn_id=asked.conn_id, **self.connections[asked.conn_id])
        if isinstance(asked, PutVariable):
            self[asked.key] = asked.value
        if isinstance(asked, DeleteVariable):
            del self[asked.key]
        if isinstance(asked, (PutVariable, DeleteVariable)):
            return OKResponse(ok=True)
        return ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)
