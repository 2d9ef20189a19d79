"""LightlyOne's API as a function from request to response: for tests, for the worker, and for ``serve`` behind HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.contract.wire import Call, Request, Response
from lightly_airflow.emulator.files import serve_file
from lightly_airflow.emulator.reading import read_body, read_ids, read_query
from lightly_airflow.emulator.refusal import JSON_HEADERS, Refusal
from lightly_airflow.emulator.routes import ROUTES
from lightly_airflow.emulator.routing import Ask, BareText, Router
from lightly_airflow.emulator.signed_urls import FILES_PATH, SignedUrls
from lightly_airflow.emulator.world import World

T = TypeVar("T")
_ROUTER = Router(ROUTES)


class Emulator:
    """LightlyOne on one state file. Safe for several threads.

    :param world: the state.
    :param tokens: the API tokens that are accepted, each its own user.
    :param public_url: scheme, host and port under which signed URLs reach the emulator.
    """

    def __init__(self, world: World, tokens: Iterable[str], public_url: str = "http://127.0.0.1:8000") -> None:
        self.world = world
        self.urls = SignedUrls(world, public_url)
        self._users = {token: world.user_of(token) for token in tokens}

    def send(self, request: Request, token: str | None) -> Response:
        """Answer one request; a refusal is an answer too.

        :param request: as the client would send it; a signed file's absolute URL is answered as well.
        :param token: the API token, if there was one.
        """
        parts = urlsplit(request.path)
        query = (*parse_qsl(parts.query, keep_blank_values=True), *request.query)
        try:
            if parts.path.startswith(FILES_PATH):
                return self._file(
                    request.method, unquote(parts.path.removeprefix(FILES_PATH)), dict(query), request.body
                )
            return self._operation(request.method, parts.path, query, request.body, token)
        except Refusal as refusal:
            return refusal.response(self.world.new_id())

    def api(self, token: str) -> Callable[[Call[T]], T]:
        """A transport without network: a function that makes calls under this token.

        :param token: one of the accepted tokens.
        """
        return lambda call: call.parse(self.send(call.request, token))

    def operation(self, method: str, path: str) -> str:
        """What logs name a request by: its endpoint's template, without ids and query."""
        if path.startswith(FILES_PATH):
            return f"{method} {FILES_PATH}..."
        try:
            return _ROUTER.find(method, path)[0].endpoint.operation
        except Refusal:
            return f"{method} (not served)"

    def _file(self, method: str, name: str, query: dict[str, str], body: bytes | None) -> Response:
        self.urls.check(method, name, query)
        return serve_file(self.world, method, name, body)

    def _operation(
        self, method: str, path: str, query: Iterable[tuple[str, str]], body: bytes | None, token: str | None
    ) -> Response:
        route, ids = _ROUTER.find(method, path)
        user_id = self._user(token) if route.endpoint.token else ""
        asked = read_query(route.endpoint, query)
        ask = Ask(self.world, self.urls, user_id, read_ids(ids), asked, read_body(route.endpoint, body))
        return _encode(route.endpoint, route.handler(ask))

    def _user(self, token: str | None) -> str:
        if token is None:
            raise Refusal(401, "UNAUTHORIZED", "no token; LightlyOne takes it as the query parameter 'token'")
        if token not in self._users:
            raise Refusal(401, "UNAUTHORIZED", "the token is not known here")
        return self._users[token]


def _encode(endpoint: Endpoint[Any], value: Any) -> Response:
    if endpoint.answer is None:
        return Response(endpoint.status)
    if isinstance(value, BareText):
        return Response(endpoint.status, value.encode(), {"content-type": "text/plain; charset=utf-8"})
    body = endpoint.answer_adapter.dump_json(value, by_alias=True, exclude_none=True)
    return Response(endpoint.status, body, JSON_HEADERS)
