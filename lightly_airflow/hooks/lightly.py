"""The ``lightly`` connection: from Airflow's fields to a client, for workers and for the triggerer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from lightly_airflow.client.drive import drive
from lightly_airflow.client.flows import datasets
from lightly_airflow.client.policy import Decide, decide, give_up
from lightly_airflow.client.settings import DEFAULT_API_URL, DEFAULT_APP_URL, DEFAULT_TIMEOUT, ApiSettings
from lightly_airflow.client.transports import RequestsTransport
from lightly_airflow.contract.errors import (
    LightlyAnswerError,
    LightlyConfigError,
    LightlyError,
    LightlyForbidden,
    LightlyUnauthorized,
)

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from lightly_airflow.contract.wire import Conversation

T = TypeVar("T")
# A person waits for the answer of a connection test.
TEST_TIMEOUT = 10.0


class LightlyHook(BaseHook):
    """Speaks to LightlyOne with the credentials of a ``lightly`` connection.

    Connection fields: password = API token; host = API address (default ``https://api.lightly.ai``); extra ``app_url``,
    ``ca_bundle`` or ``verify``, ``proxy``, ``timeout`` (seconds, default 60).

    :param lightly_conn_id: id of the connection.
    :param sleep: what :meth:`run` waits with, given seconds, between tries and between looks (default ``time.sleep``); a
        test that makes faults need not wait as long as production does.
    """

    conn_name_attr = "lightly_conn_id"
    default_conn_name = "lightly_default"
    conn_type = "lightly"
    hook_name = "LightlyOne"

    def __init__(
        self, lightly_conn_id: str = default_conn_name, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__()
        self.lightly_conn_id = lightly_conn_id
        self._sleep = sleep

    @cached_property
    def settings(self) -> ApiSettings:
        """The connection as settings, read once; the token is masked in logs in every form in which it travels."""
        connection = self.get_connection(self.lightly_conn_id)
        settings = settings_from(connection, connection.extra_dejson)
        for form in _forms(settings):
            mask_secret(form)
        return self._warned(settings)

    async def asettings(self) -> ApiSettings:
        """:attr:`settings`, for a coroutine: asks for the connection without blocking the triggerer."""
        from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

        connection = await get_async_connection(self.lightly_conn_id)
        settings = settings_from(connection, await get_async_extra_dejson(connection))
        for form in _forms(settings):
            await _amask(form)
        return self._warned(settings)

    def run(self, talk: Conversation[T], *, decide: Decide = decide) -> T:
        """Runs a conversation from a worker; raises :class:`LightlyError` for what it does not handle."""
        with RequestsTransport(self.settings) as transport:
            return drive(talk, transport.send, decide=decide, sleep=self._sleep)

    def run_long(self, talk: Callable[[], Conversation[T]]) -> T:
        """Runs a conversation that may last for hours, while the token is rotated: where LightlyOne rejects it, the
        connection is read anew, and the conversation begun anew if that holds another token by now.

        :param talk: begins the conversation.
        :raises LightlyUnauthorized: the connection's token is rejected; names the connection.
        """
        token = self.settings.token
        try:
            return self.run(talk())
        except LightlyUnauthorized as error:
            self.__dict__.pop("settings")
            if self.settings.token == token:
                raise named(error, self.lightly_conn_id) from None
        return self.run_long(talk)

    def test_connection(self) -> tuple[bool, str]:
        """Makes one authenticated request: ``(True, who answered)`` or ``(False, what is wrong and where to mend it)``."""
        try:
            settings = replace(self.settings, timeout=min(self.settings.timeout, TEST_TIMEOUT))
            with RequestsTransport(settings) as transport:
                user = drive(datasets.whoami(), transport.send, decide=give_up)
        except LightlyError as error:
            return False, self._told(error)
        who = f"the token of user {user}" if user else "the token; the account has no datasets and no workers yet"
        return True, f"LightlyOne at {settings.api_url} accepted {who}"

    def _told(self, error: LightlyError) -> str:
        if isinstance(error, LightlyConfigError):
            return str(error)
        where = f"LightlyOne at {self.settings.api_url}"
        if isinstance(error, LightlyUnauthorized):
            return f"{where} rejected the API token; put a valid one into the connection's password field"
        if isinstance(error, LightlyForbidden):
            return f"{where} knows the token but grants no permission to list datasets: {error.reason}"
        if isinstance(error, LightlyAnswerError) or getattr(error, "status", None) in (404, 405):
            return f"{self.settings.api_url} does not answer as LightlyOne's API does; check the connection's host"
        return str(error)

    def _warned(self, settings: ApiSettings) -> ApiSettings:
        if settings.verify is False:
            self.log.warning("Connection %s does not verify TLS certificates", self.lightly_conn_id)
        return settings


def named(error: LightlyUnauthorized, lightly_conn_id: str) -> LightlyUnauthorized:
    """The error, with the connection whose token was rejected in its message."""
    error.args = (f"connection {lightly_conn_id!r}: {error}",)
    return error


def settings_from(connection: Connection, extra: Mapping[str, Any]) -> ApiSettings:
    """A connection's fields as settings; raises :class:`LightlyConfigError` for values that cannot be right."""
    api_url = _api_url(connection)
    own = api_url == DEFAULT_API_URL
    return ApiSettings(
        token=connection.password or "",
        api_url=api_url,
        app_url=str(extra.get("app_url") or (DEFAULT_APP_URL if own else api_url)).rstrip("/"),
        verify=str(extra["ca_bundle"]) if extra.get("ca_bundle") else _flag(extra.get("verify", True)),
        proxy=str(extra["proxy"]) if extra.get("proxy") else None,
        timeout=_seconds(extra.get("timeout") or DEFAULT_TIMEOUT),
    )


def _api_url(connection: Connection) -> str:
    """The address in the host field: whole, or in the parts that a connection URI makes of it."""
    host = (connection.host or DEFAULT_API_URL).strip().rstrip("/")
    if "://" not in host:
        host = f"{connection.schema or 'https'}://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def _flag(value: Any) -> bool:
    # An extra in a connection URI is always a string.
    if isinstance(value, str):
        return value.strip().lower() not in ("false", "0", "no", "off", "")
    return value is None or bool(value)


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if seconds <= 0:
        raise LightlyConfigError("the lightly connection's timeout must be a number of seconds above 0")
    return seconds


def _forms(settings: ApiSettings) -> set[str]:
    """The secrets as they stand, and as they stand in a URL."""
    secrets = [settings.token, settings.proxy or ""]
    return {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote(secret))}


async def _amask(secret: str) -> None:
    try:
        from airflow.sdk.log import amask_secret
    except ImportError:  # Airflow before 3.3.2, where masking is synchronous
        mask_secret(secret)
    else:
        await amask_secret(secret)
