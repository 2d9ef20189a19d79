"""One request at the proxy, in the hands of a fault: pass it on or not, answer or not."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus

from lightly_airflow.contract.wire import Request, Response


class Exchange:
    """What a fault may do with a request. The connection is closed as soon as the fault returns.

    :param request: what was asked; its query is without the token.
    :param forward: asks the emulator.
    :param client: the connection to whoever asked.
    :param stopping: is set when the proxy ends, so that nothing waits any longer.
    """

    def __init__(
        self, request: Request, forward: Callable[[], Response], client: socket.socket, stopping: threading.Event
    ) -> None:
        self.request = request
        self.pass_on = forward
        self._client, self._stopping = client, stopping

    def answer(self, response: Response) -> None:
        """Answers whole."""
        self.write(encode(response))

    def write(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._client.sendall(data)

    def wait(self, seconds: float) -> None:
        """Waits, but not longer than the proxy lives."""
        self._stopping.wait(seconds)

    def reset(self) -> None:
        """Lets the connection end with a TCP reset instead of an orderly end."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def encode(response: Response, length: int | None = None) -> bytes:
    """A response as it travels.

    :param response: what to tell.
    :param length: what Content-Length promises; default: the truth.
    """
    told = {name: value for name, value in response.headers.items() if name not in _OWN}
    told |= {"content-length": str(len(response.body) if length is None else length), "connection": "close"}
    lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}", *(f"{k}: {v}" for k, v in told.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.body


# Every answer ends its connection, so that a fault strikes one request and nothing that a client keeps for the next.
_OWN = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
