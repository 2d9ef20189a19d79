"""From a method and a path to the function that answers, and what that function is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.emulator.not_emulated import NOT_EMULATED
from lightly_airflow.emulator.refusal import Refusal, malformed, not_emulated
from lightly_airflow.emulator.signed_urls import SignedUrls
from lightly_airflow.emulator.world import World

T = TypeVar("T")
B = TypeVar("B")


class BareText(str):
    """Text that travels as it is; any other string travels as a JSON string."""

    __slots__ = ()


@dataclass(frozen=True)
class Ask(Generic[B]):
    """One request, read and checked.

    :param world: the state.
    :param urls: makes signed URLs of files.
    :param user_id: whose token it was; empty where none is needed.
    :param ids: the path's parameters by their API names.
    :param query: the query's values in their types; absent ones are absent.
    :param body: the body as the contract's model.
    """

    world: World
    urls: SignedUrls
    user_id: str
    ids: Mapping[str, str]
    query: Mapping[str, Any]
    body: B

    @property
    def paging(self) -> dict[str, Any]:
        """The wanted page as limits for a search; everything by default."""
        return {"limit": self.query.get("pageSize", -1), "offset": self.query.get("pageOffset", 0)}

    def page(self, items: Sequence[T]) -> list[T]:
        """The wanted page of a list."""
        start = self.paging["offset"]
        return list(items[start : start + self.query["pageSize"]] if "pageSize" in self.query else items[start:])

    def required(self, name: str) -> Any:
        """A query parameter that must be there."""
        if name not in self.query:
            raise malformed(f"query.{name}: missing")
        return self.query[name]

    def refuse_options(self, *names: str) -> None:
        """Say so where a query parameter asks for what is not emulated, instead of overlooking it."""
        for name in names:
            if self.query.get(name):
                raise not_emulated(f"query.{name}")


Handler = Callable[[Ask[Any]], Any]


@dataclass(frozen=True)
class Route:
    """An endpoint and the function that answers it."""

    endpoint: Endpoint[Any]
    handler: Handler


class Routes:
    """The routes of one resource."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def serves(self, endpoint: Endpoint[T]) -> Callable[[Callable[[Ask[Any]], T]], Callable[[Ask[Any]], T]]:
        """Let the decorated function answer the endpoint."""

        def register(handler: Callable[[Ask[Any]], T]) -> Callable[[Ask[Any]], T]:
            self._routes.append(Route(endpoint, handler))
            return handler

        return register


class Router:
    """Finds the route of a request. Of several templates that fit, the one with the earlier fixed part wins.

    :param routes: what is served.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        served: dict[str, Route | None] = {route.endpoint.operation: route for route in routes}
        operations = dict.fromkeys(NOT_EMULATED, None) | served
        ordered = sorted(operations, key=lambda operation: [part[:1] == "{" for part in operation.split("/")])
        self._table = [(operation, *_split(operation), operations[operation]) for operation in ordered]

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and the path's parameters.

        :param path: percent-encoded, without query.
        :raises Refusal: LightlyOne has no such operation, or the emulator does not serve it.
        """
        fitting = [(row, match) for row in self._table if (match := row[2].fullmatch(path))]
        for (operation, its_method, _, route), match in fitting:
            if its_method == method and route is None:
                raise not_emulated(operation)
            if its_method == method and route is not None:
                return route, {name: unquote(value) for name, value in match.groupdict().items()}
        methods = ", ".join(sorted({row[1] for row, _ in fitting}))
        hint = f"; possible are: {methods}" if methods else ""
        raise Refusal(404, "NOT_FOUND", f"LightlyOne has no such path for {method}{hint}")


def _split(operation: str) -> tuple[str, re.Pattern[str]]:
    method, template = operation.split(" ")
    return method, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))
