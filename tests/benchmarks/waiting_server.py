"""LightlyOne's and dbt Cloud's API as far as a waiting task asks for it, in a process of its own, equally fast for both.

Prints its URL. Each line of its input is answered with a line of JSON: ``count``: the requests since the last time;
``end N``: ends run N, and says when that was. Ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from typing import Any

RUNS = 1000
# What an account has done before; a list of runs has all of it, newest first.
PAST = 3000
_ARTIFACTS = 9


def scheduled_id(number: int) -> str:
    return f"{number:024x}"


def _run(number: int, state: str) -> dict[str, Any]:
    told = {"id": f"a{number:023x}", "scheduledId": scheduled_id(number), "state": state, "message": "epoch 3 of 10"}
    ids = {"userId": "u" * 24, "datasetId": "d" * 24, "configId": "c" * 24, "dockerVersion": "2.11.3"}
    times = {"createdAt": 1764000000000, "lastModifiedAt": 1764000000000}
    artifact = {"id": "e" * 24, "type": "REPORT_PDF", "fileName": "report.pdf", "storageLocation": "LIGHTLY"}
    past = {"artifacts": [artifact | {"createdAt": 1764000000000}] * _ARTIFACTS} if number >= RUNS else {}
    return {**told, **ids, **times, **past}


class Api:
    """Answers that are ready before anybody asks."""

    def __init__(self) -> None:
        self.requests = 0
        self.ended: set[int] = set()
        self._runs = [json.dumps(_run(number, "TRAINING" if number < RUNS else "COMPLETED")) for number in range(PAST)]

    def end(self, number: int) -> float:
        self._runs[number] = json.dumps(_run(number, "COMPLETED"))
        self.ended.add(number)
        return time.time()

    def answer(self, target: str) -> bytes:
        self.requests += 1
        path, _, query = target.partition("?")
        if path == "/v1/docker/runs":
            told = dict(pair.split("=") for pair in query.split("&"))
            first = int(told.get("pageOffset", 0))
            return f"[{','.join(self._runs[first : first + int(told['pageSize'])])}]".encode()
        if path.startswith("/v1/"):
            return b"[]"
        number = int(path.rstrip("/").rsplit("/", 1)[1])
        return json.dumps({"data": {"id": number, "status": 10 if number in self.ended else 3}}).encode()


class Conversation(asyncio.Protocol):
    """HTTP/1.1 with nothing that these clients do not need."""

    def __init__(self, api: Api) -> None:
        self._api, self._head = api, b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        while b"\r\n\r\n" in self._head:
            request, _, self._head = self._head.partition(b"\r\n\r\n")
            body = self._api.answer(request.split(b" ", 2)[1].decode())
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write(head.encode() + body)


def _commands(api: Api, loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    for line in sys.stdin:
        word, *rest = line.split()
        told: Any = api.end(int(rest[0])) if word == "end" else api.requests
        if word == "count":
            api.requests = 0
        print(json.dumps(told), flush=True)
    loop.call_soon_threadsafe(stop.set)


async def main() -> None:
    api, stop, loop = Api(), asyncio.Event(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(api), "127.0.0.1", 0, backlog=RUNS)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    threading.Thread(target=_commands, args=(api, loop, stop), daemon=True).start()
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
