"""Which request meets which fault, and what has become of it."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from lightly_airflow.contract.wire import Request
from lightly_airflow.testing.faults import Fault, every_kind


@dataclass
class Asked:
    """One request as it came to the proxy.

    :param operation: the endpoint's method and path template; ``GET /_emulator/files/...`` for a signed file.
    :param fault: the fault that it met, if any.
    :param status: what the emulator answered; ``None`` if the request was not passed on.
    """

    operation: str
    fault: str | None = None
    status: int | None = None


class _Rule(Protocol):
    def take(self, request: Request, free: bool) -> Fault | None:
        """The fault for a request; called for each, also where ``free`` says that an earlier rule has taken it."""

    def unfired(self) -> str | None:
        """What has not happened though it was to, if anything."""


class ScriptedFault:
    """A fault at chosen requests; made by :meth:`Faults.on`. ``fired`` counts how often it has struck."""

    def __init__(
        self, operation: str, fault: Fault, times: int | None, after: int, when: Callable[[Request], bool] | None
    ) -> None:
        self.operation, self.fault, self.times, self.after = operation, fault, times, after
        self.fired = 0
        self._when, self._seen = when, 0

    def take(self, request: Request, free: bool) -> Fault | None:
        if not fnmatchcase(request.operation, self.operation) or (self._when and not self._when(request)):
            return None
        self._seen += 1
        if not free or self._seen <= self.after or self.fired == self.times:
            return None
        self.fired += 1
        return self.fault

    def unfired(self) -> str | None:
        wanted = 1 if self.times is None else self.times
        if self.fired >= wanted:
            return None
        return f"{self!r}; {self._seen} such requests came"

    def __repr__(self) -> str:
        often = "" if self.times is None else f" of {self.times}"
        return f"<{self.fault} at {self.operation}: fired {self.fired}{often} times>"


class RandomFaults:
    """Faults by chance; made by :meth:`Faults.random`. ``struck`` names those that were, in their order."""

    def __init__(self, seed: int, rate: float, kinds: Sequence[Fault], operation: str) -> None:
        self.seed, self.rate, self.kinds, self.operation = seed, rate, tuple(kinds), operation
        self.struck: list[str] = []
        self._seen: Counter[str] = Counter()

    @property
    def fired(self) -> int:
        """How often a fault has struck."""
        return len(self.struck)

    def take(self, request: Request, free: bool) -> Fault | None:
        if not fnmatchcase(request.operation, self.operation):
            return None
        self._seen[request.operation] += 1
        at = f"{request.operation} #{self._seen[request.operation]}"
        # One chance a request, and not one for all: so a poll more or less changes nothing for the others.
        chance = random.Random(f"{self.seed} {at}")  # noqa: S311 - no secret
        if chance.random() >= self.rate or not free:
            return None
        fault = chance.choice(self.kinds)
        self.struck.append(f"{fault} at {at}")
        return fault

    def unfired(self) -> str | None:
        return None

    def __repr__(self) -> str:
        return f"<random faults, seed {self.seed}, rate {self.rate:g}: {'; '.join(self.struck) or 'none fired'}>"


class Faults:
    """The proxy as a test has it: faults to order, and a record of what was asked. Safe for several threads.

    :param url: the proxy's address.
    :param token: the API token that the emulator accepts.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.requests: list[Asked] = []
        self._token = token
        self._rules: list[_Rule] = []
        self._lock = threading.RLock()  # a function that chooses requests may count them

    @property
    def connection(self) -> str:
        """The ``lightly`` connection through the proxy as JSON, for an ``AIRFLOW_CONN_...`` variable."""
        return json.dumps({"conn_type": "lightly", "host": self.url, "password": self._token})

    def on(
        self,
        operation: str,
        fault: Fault,
        *,
        times: int | None = 1,
        after: int = 0,
        when: Callable[[Request], bool] | None = None,
    ) -> ScriptedFault:
        """Orders a fault. Of several that fit a request, the one that was ordered first takes it.

        :param operation: the endpoint's method and path template; ``*`` and ``?`` stand for any characters.
        :param fault: what happens.
        :param times: how often (default once); ``None`` for every request, at least one.
        :param after: how many such requests are left alone before the first (default 0).
        :param when: says whether a request is such a one (default: each that fits ``operation``).
        """
        rule = ScriptedFault(operation, fault, times, after, when)
        with self._lock:
            self._rules.append(rule)
        return rule

    def random(
        self, seed: int, rate: float, kinds: Sequence[Fault] | None = None, operation: str = "*"
    ) -> RandomFaults:
        """Orders faults by chance. The seed alone decides what the n-th request of an operation meets.

        :param seed: the same seed makes the same faults.
        :param rate: the share of requests that meet one, from 0 to 1.
        :param kinds: what may happen (default :func:`every_kind`).
        :param operation: which requests, as in :meth:`on` (default all).
        """
        rule = RandomFaults(seed, rate, every_kind() if kinds is None else kinds, operation)
        with self._lock:
            self._rules.append(rule)
        return rule

    def count(self, operation: str = "*") -> int:
        """How many requests came, faults included.

        :param operation: which requests, as in :meth:`on` (default all).
        """
        with self._lock:
            return sum(fnmatchcase(one.operation, operation) for one in self.requests)

    def take(self, request: Request) -> tuple[Asked, Fault | None]:
        """The record of a request that has just come, and the fault that it meets."""
        fault: Fault | None = None
        with self._lock:
            for rule in self._rules:
                fault = rule.take(request, free=fault is None) or fault
            asked = Asked(request.operation, fault.name if fault else None)
            self.requests.append(asked)
        return asked, fault

    def check(self) -> None:
        """Raises :class:`AssertionError` with each fault that has not fired as often as it was to."""
        with self._lock:
            left = [told for rule in self._rules if (told := rule.unfired())]
        if left:
            raise AssertionError("\n".join(["faults that never fired prove nothing:", *left]))
