"""What triggers have in common that wait through one connection in one poll loop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Hashable
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from lightly_airflow.triggers.together import Interest, shared_interests, tell_all


class SharedLoopTrigger(BaseEventTrigger):
    """A trigger whose poll loop Airflow runs once for all that wait through one connection, from Airflow 3.3 on.

    Before, each polls by itself: ``run``.

    :param lightly_conn_id: id of the ``lightly`` connection.
    """

    supports_triggerer_queue = True

    def __init__(self, lightly_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        self.lightly_conn_id = lightly_conn_id

    def shared_stream_key(self) -> Hashable:
        """The loop of all triggers of the connection, whatever they wait for."""
        return ("lightly", self.lightly_conn_id)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[None]:
        """The loop that Airflow runs once for all who share it. What it has to tell goes to each directly."""
        await tell_all(kwargs["lightly_conn_id"])
        yield  # never reached; makes this a stream

    async def filter_shared_stream(self, shared_stream: AsyncIterator[None]) -> AsyncIterator[TriggerEvent]:
        """This trigger's part of the shared loop."""
        event = await self.told(shared_interests(self.lightly_conn_id))
        # One event, and nothing after it: Airflow may cancel what comes after a yield as if a user had asked for it.
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]

    @abstractmethod
    async def told(self, interests: set[Interest]) -> dict[str, Any]:
        """The event's payload, told by a loop over these interests."""
