"""One poll loop for all tasks that wait through one connection: who waits, and how their runs stand, round by round."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from lightly_airflow.client.flows.rounds import Round, Watched, look_at_all
from lightly_airflow.client.flows.runs import RunView
from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.session import LightlySession

# Loops of one triggerer must not fall into step, nor those of several triggerers.
_JITTER = 0.1
# While LightlyOne fails, each round comes after twice the pause of the last one, up to four times the interval.
_MOST_DOUBLINGS = 2
# Seconds after which a pause looks whether somebody has come who wants a shorter one.
_GLANCE = 1.0
# So many triggers are woken at once; each may take a fifth of a millisecond to log what it is told.
_PORTION = 50


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one round has shown to all who wait.

    :param asked_at: when the round began, in seconds since 1970.
    :param round: how the runs stand; empty where the round failed.
    :param failed: why it failed.
    :param answered_at: when the last round that did not fail was over.
    """

    asked_at: float
    round: Round = field(default_factory=Round)
    failed: LightlyError | None = None
    answered_at: float = 0.0


@dataclass(slots=True, eq=False)
class Interest:
    """Somebody waits for a run.

    :param poll_interval: seconds between two looks that they want.
    :param settled: rounds that began before, in seconds since 1970, do not concern them.
    :param due: from then on every round concerns them.
    :param seen_at: when the last round began that showed their run.
    """

    watched: Watched
    poll_interval: float
    settled: float = 0.0
    due: float = math.inf
    seen_at: float = 0.0
    _last: RunView | None = None
    _mailbox: asyncio.Queue[Snapshot | Exception] = field(default_factory=asyncio.Queue)

    async def news(self) -> Snapshot:
        """The next round that has news for them; raises what has ended the loop."""
        told = await self._mailbox.get()
        if isinstance(told, Exception):
            raise told
        return told

    def tell(self, told: Snapshot | Exception) -> None:
        self._mailbox.put_nowait(told)

    def concerned(self, snapshot: Snapshot) -> bool:
        """Whether a round has news for them."""
        if snapshot.asked_at < self.settled:
            return False
        name, changed = self.watched.scheduled_run_id, False
        if (view := snapshot.round.views.get(name)) is not None:
            changed, self._last, self.seen_at = view != self._last, view, snapshot.asked_at
        wrong = snapshot.failed is not None or name in snapshot.round.errors
        return changed or wrong or snapshot.asked_at >= self.due


# Connection id -> who waits. All triggers of a triggerer live in one process and one event loop. A set is never replaced:
# the loop holds it, and a loop whose last wait has just ended may get new ones.
_SHARED: dict[str, set[Interest]] = defaultdict(set)


def shared_interests(lightly_conn_id: str) -> set[Interest]:
    """Who waits through a connection in this triggerer."""
    return _SHARED[lightly_conn_id]


@contextmanager
def interested(interests: set[Interest], interest: Interest) -> Iterator[None]:
    """The rounds over these interests include this one for as long as the block lasts."""
    interests.add(interest)
    try:
        yield
    finally:
        interests.discard(interest)


async def tell_all(lightly_conn_id: str) -> None:
    """The loop that all triggers of a connection share: tells each what concerns it; never returns.

    Airflow's own way would wake each of a thousand tasks for each round. Those that it does wake have something to log, so
    they are told in portions, and the event loop has time for others in between.
    """
    await tell(lightly_conn_id, shared_interests(lightly_conn_id))


async def tell(lightly_conn_id: str, interests: set[Interest]) -> None:
    """:func:`tell_all`, for these interests."""
    try:
        async for snapshot in rounds(lightly_conn_id, interests):
            concerned = [one for one in interests if one.concerned(snapshot)]
            for start in range(0, len(concerned), _PORTION):
                for one in concerned[start : start + _PORTION]:
                    one.tell(snapshot)
                await asyncio.sleep(0)
    except Exception as error:
        for one in interests:
            one.tell(error)
        raise


async def rounds(lightly_conn_id: str, interests: Collection[Interest]) -> AsyncGenerator[Snapshot]:
    """Looks at all runs that somebody waits for through a connection, again and again.

    Never raises for what LightlyOne does: a loop that ended would end all waits. Each of them decides by itself what a failed
    round means for it.

    :param interests: who waits; may change at any time.
    """
    turn = failures = 0
    answered_at = 0.0
    async with LightlySession(lightly_conn_id) as session:
        while True:
            await _pause(interests, failures)
            snapshot = await _look(session, interests, turn, answered_at)
            failures = failures + 1 if snapshot.failed else 0
            answered_at = answered_at if snapshot.failed else time.time()
            turn += 1
            yield snapshot


async def _pause(interests: Collection[Interest], failures: int) -> None:
    """The shortest interval that somebody wants; longer while LightlyOne fails."""
    factor = 2.0 ** min(failures, _MOST_DOUBLINGS) * random.uniform(1, 1 + _JITTER)  # noqa: S311 - no secret
    began = time.monotonic()
    while True:
        interval = min((one.poll_interval for one in interests), default=_GLANCE)
        left = began + interval * factor - time.monotonic()
        await asyncio.sleep(max(0.0, min(left, _GLANCE)))
        if left <= _GLANCE:
            return


async def _look(session: LightlySession, interests: Collection[Interest], turn: int, answered_at: float) -> Snapshot:
    asked_at = time.time()
    watched = {one.watched.scheduled_run_id: one.watched for one in interests}
    if not watched:
        return Snapshot(asked_at)
    try:
        told = await session.run(partial(look_at_all, list(watched.values()), turn))
    except LightlyError as error:
        return Snapshot(asked_at, failed=error, answered_at=answered_at)
    return Snapshot(asked_at, told, answered_at=time.time())
