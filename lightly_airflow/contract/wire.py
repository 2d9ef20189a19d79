"""Requests, responses, calls and flows: the words in which the rest of the package speaks to LightlyOne.

A :class:`Call` is one request together with the function that reads its answer. A :data:`Flow` is a conversation: a
generator that yields calls and pauses and is sent their results. Neither does any I/O; ``client.drive`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, without host and token: those belong to the transport.

    :param method: upper case, such as ``GET``.
    :param path: ``/v1/...``, already percent-encoded; or an absolute URL for a signed file, which is asked for as it
        stands and never gets the token.
    :param operation: the endpoint's method and path template; what messages and logs name, free of ids and secrets.
    :param query: name and value pairs in order, not yet encoded.
    :param body: JSON bytes, hidden from ``repr`` because a datasource's body carries credentials.
    """

    method: str
    path: str
    operation: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. Header names are lower case. The body is hidden from ``repr``: it may hold signed URLs."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how to read its answer. ``result = yield from call`` inside a flow has the answer's type."""

    request: Request
    parse: Callable[[Response], T]

    def __iter__(self) -> Generator[Call[Any], Any, T]:
        return cast("T", (yield self))


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait inside a flow. Only the driver sleeps, so a test's driver need not."""

    seconds: float

    def __iter__(self) -> Generator[Pause, None, None]:  # noqa: PYI058 - `yield from` sends, an Iterator cannot
        yield self


Flow = Generator[Call[Any] | Pause, Any, T]
# What a driver runs: a whole conversation, or one call.
Conversation = Flow[T] | Call[T]
