"""An API endpoint as data: the client builds calls from it, the emulator serves it. So no path is written twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter, ValidationError

from lightly_airflow.contract.errors import LightlyAnswerError, LightlyConfigError, error_from
from lightly_airflow.contract.models.base import wire
from lightly_airflow.contract.wire import Call, Request, Response

T = TypeVar("T")
PAGING: Mapping[str, Any] = {"pageSize": int, "pageOffset": int}
TEAM: Mapping[str, Any] = {"getAssetsOfTeam": bool, "getAssetsOfTeamInclusiveSelf": bool}


@dataclass(frozen=True)
class Endpoint(Generic[T]):
    """One operation of LightlyOne's API.

    :param method: HTTP method.
    :param path: template with the API's own parameter names, such as ``/v1/docker/runs/{runId}``.
    :param answer: type of the answer's body; ``None`` where it says nothing, and only must not be a gateway's page.
    :param status: the one status that means success (the official client reads a body only under it).
    :param body: type of the request's body, ``None`` where there is none.
    :param query: query parameters by name, with the type of each.
    :param token: whether the request needs the API token.
    :param media: ``text`` where answers may be bare text instead of JSON.
    """

    method: str
    path: str
    answer: Any = None
    status: int = 200
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    token: bool = True
    media: str = "json"

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"

    @cached_property
    def answer_adapter(self) -> TypeAdapter[T]:
        return TypeAdapter(self.answer)

    @cached_property
    def body_adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.body)

    def call(
        self, *, body: BaseModel | list[Any] | None = None, query: Mapping[str, Any] | None = None, **ids: str
    ) -> Call[T]:
        """Bind the endpoint to its arguments.

        :param body: the request's body; unset and ``None`` members are left out, as LightlyOne's own client does.
        :param query: query parameters; ``None`` leaves one out, a list repeats its name.
        :param ids: the path's parameters by their API names.
        :raises LightlyConfigError: an id is empty: without it, the path would be another operation's.
        """
        for name, value in ids.items():
            if not value or not isinstance(value, str):
                raise LightlyConfigError(f"{self.operation} needs a {name}, not {value!r}: did its task return one?")
        path = self.path.format(**{name: quote(value, safe="") for name, value in ids.items()})
        return Call(Request(self.method, path, self.operation, _pairs(query or {}), _encode(body)), self.read)

    def read(self, response: Response) -> T:
        """The answer's value; raises the :class:`LightlyApiError` that the response stands for."""
        if response.status // 100 != 2:
            raise error_from(response, self.operation)
        if self.answer is None:
            if _is_page(response.body):
                raise LightlyAnswerError(self.operation, response.status, "body: an HTML page")
            return cast("T", None)
        if response.status != self.status:
            raise LightlyAnswerError(self.operation, response.status, f"its status should be {self.status}")
        try:
            return self.answer_adapter.validate_json(response.body)
        except ValidationError as error:
            if self.media == "text" and not _is_no_text(response.body):
                return cast("T", response.body.decode("utf-8", "replace"))
            where = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors()[:3])
        raise LightlyAnswerError(self.operation, response.status, where)


def _is_no_text(body: bytes) -> bool:
    """A gateway's page, or half of a JSON string: taken for a text, either would be a wrong answer."""
    return _is_page(body) or body.lstrip().startswith(b'"')


def _is_page(body: bytes) -> bool:
    """What gateways and captive portals answer, even with status 200, to a request that LightlyOne has never seen."""
    return body.lstrip()[:16].lower().startswith((b"<!doctype", b"<html"))


def _pairs(query: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, str(item))
        for name, value in query.items()
        if value is not None
        for item in (value if isinstance(value, list) else [value])
    )


def _encode(body: BaseModel | list[Any] | None) -> bytes | None:
    if body is None:
        return None
    items = [_plain(item) for item in body] if isinstance(body, list) else _plain(body)
    return json.dumps(items, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return wire(value) if isinstance(value, BaseModel) else value
