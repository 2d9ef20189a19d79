"""One poll loop for all tasks that wait through one connection: who waits, and how their runs stand, round by round."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from lightly_airflow.client.flows.rounds import Round, Watched, look_at_all
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.session import LightlySession

# Loops of one triggerer must not fall into step, nor those of several triggerers.
_JITTER = 0.1
# While LightlyOne fails, rounds come less often, up to this many times the interval.
_MOST_BACKOFF = 4.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one round has shown to all who wait.

    :param asked_at: when the round began, in seconds since 1970.
    :param round: how the runs stand; empty where the round failed.
    :param failed: why it failed.
    """

    asked_at: float
    round: Round = field(default_factory=Round)
    failed: LightlyError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Interest:
    """Somebody waits for a run.

    :param poll_interval: seconds between two looks that they want.
    """

    watched: Watched
    poll_interval: float


# Connection id -> who waits. All triggers of a triggerer live in one process and one event loop.
_INTERESTS: dict[str, set[Interest]] = defaultdict(set)


@contextmanager
def interested(lightly_conn_id: str, watched: Watched, poll_interval: float) -> Iterator[None]:
    """The rounds of the connection include this run for as long as the block lasts."""
    interest = Interest(watched, poll_interval)
    _INTERESTS[lightly_conn_id].add(interest)
    try:
        yield
    finally:
        _INTERESTS[lightly_conn_id].discard(interest)


async def rounds(lightly_conn_id: str) -> AsyncIterator[Snapshot]:
    """Looks at all runs that somebody waits for through a connection, again and again.

    Never raises for what LightlyOne does: a loop that ended would end all waits. Each of them decides by itself what a failed
    round means for it.
    """
    turn = failures = 0
    async with LightlySession(lightly_conn_id) as session:
        while True:
            await asyncio.sleep(_pause(lightly_conn_id, failures))
            snapshot = await _look(session, lightly_conn_id, turn)
            failures = failures + 1 if snapshot.failed else 0
            turn += 1
            yield snapshot


def _pause(lightly_conn_id: str, failures: int) -> float:
    """The shortest interval that somebody wants; longer while LightlyOne fails."""
    interval = min((one.poll_interval for one in _INTERESTS[lightly_conn_id]), default=1.0)
    backoff = min(2.0**failures, _MOST_BACKOFF)
    return interval * backoff * random.uniform(1, 1 + _JITTER)  # noqa: S311 - no secret


async def _look(session: LightlySession, lightly_conn_id: str, turn: int) -> Snapshot:
    asked_at = time.time()
    watched = {one.watched.scheduled_run_id: one.watched for one in _INTERESTS[lightly_conn_id]}
    if not watched:
        return Snapshot(asked_at)
    try:
        return Snapshot(asked_at, await session.run(partial(look_at_all, list(watched.values()), turn)))
    except LightlyError as error:
        return Snapshot(asked_at, failed=error)
