"""Airflow's Variables without a scheduler: what answers a task's questions in the place of its supervisor."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import (
    DeleteVariable,
    ErrorResponse,
    GetVariable,
    OKResponse,
    PutVariable,
    VariableResult,
)


class Variables(dict[str, Any]):
    """Speaks the supervisor's words for Variables, and knows nothing else.

    :ivar refused: which questions fail, as if Airflow's API server did not answer.
    """

    refused: tuple[type, ...] = ()

    def send(self, asked: Any) -> Any:
        if isinstance(asked, self.refused):
            raise no_answer()
        if isinstance(asked, GetVariable) and asked.key in self:
            return VariableResult(key=asked.key, value=self[asked.key])
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
