"""A long conversation with LightlyOne from the triggerer: one HTTP client, and a token that may be rotated meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from lightly_airflow.client.drive import adrive
from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.client.transports import HttpxTransport
from lightly_airflow.contract.errors import LightlyError, LightlySettingsUnread, LightlyUnauthorized
from lightly_airflow.hooks.lightly import LightlyHook, named

if TYPE_CHECKING:
    from typing import Self

    from lightly_airflow.contract.wire import Conversation

T = TypeVar("T")


class LightlySession:
    """Speaks through one ``lightly`` connection for hours. Use as an async context manager.

    The connection is read once, and again where LightlyOne rejects the token: if it holds another one by then, the
    conversation goes on with that.

    :param lightly_conn_id: id of the connection.
    """

    def __init__(self, lightly_conn_id: str) -> None:
        self._hook = LightlyHook(lightly_conn_id)
        self._settings: ApiSettings | None = None
        self._transport: HttpxTransport | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def run(self, talk: Callable[[], Conversation[T]]) -> T:
        """Runs a conversation.

        :param talk: begins it; it is begun anew after a rejected token.
        :raises LightlyUnauthorized: the connection's token is rejected; names the connection.
        :raises LightlySettingsUnread: Airflow does not give the connection at the moment.
        :raises LightlyError: whatever else the conversation does not handle.
        """
        transport = self._transport or await self._open(await self._read())
        try:
            return await adrive(talk(), transport.send)
        except LightlyUnauthorized as error:
            settings = await self._read()
            if self._settings is None or settings.token == self._settings.token:
                raise named(error, self._hook.lightly_conn_id) from None
        await self._open(settings)
        return await self.run(talk)

    async def _read(self) -> ApiSettings:
        """The connection. Airflow says that there is none also where its database does not answer: that may pass."""
        try:
            return await self._hook.asettings()
        except LightlyError:
            raise
        except Exception as error:  # whatever a secrets backend raises; its words may hold the secrets
            kind = type(error).__name__
        raise LightlySettingsUnread(self._hook.lightly_conn_id, kind)

    async def _open(self, settings: ApiSettings) -> HttpxTransport:
        self._transport = None  # it is closed, also where no new one can be made
        await self._stack.aclose()
        # Loads CA certificates, which would hold up the event loop.
        transport = await asyncio.to_thread(HttpxTransport, settings)
        await self._stack.enter_async_context(transport)
        self._settings, self._transport = settings, transport
        return transport
