"""The link from a task to its run in LightlyOne's web app, there as soon as the run is scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

XCOM_KEY = "lightly_run_link"


class LightlyRunLink(BaseOperatorLink):
    """Opens the run in LightlyOne's web app; visible while the task waits, because the operator stores it by then."""

    name = "LightlyOne run"

    @property
    def xcom_key(self) -> str:
        return XCOM_KEY

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The stored link, empty while there is none. Airflow calls this at the end of each task process."""
        from airflow.sdk.execution_time.xcom import XCom

        value = XCom.get_value(key=XCOM_KEY, ti_key=ti_key)
        return value if isinstance(value, str) else ""


def push_link(context: Any, url: str) -> None:
    """Stores the link, so that it shows while the task still waits."""
    context["ti"].xcom_push(key=XCOM_KEY, value=url)
