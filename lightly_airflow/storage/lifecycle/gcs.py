"""The lifecycle rules of a bucket of Google Cloud Storage.

Sources: https://cloud.google.com/storage/docs/lifecycle (actions and conditions, which rule goes first, holds and retention
policies), https://cloud.google.com/storage/docs/json_api/v1/buckets and .../objects (how rules and facts are written).

Rules ask for these facts of an object:

- ``created``: its ``timeCreated``
- ``custom_time``: its ``customTime``, or ``NEVER``
- ``storage_class``: its ``storageClass``
- ``held``: whether it is under a hold, ``temporaryHold`` or ``eventBasedHold``
- ``kept_until``: the later one of its ``retentionExpirationTime`` and ``retention.retainUntilTime``, or 0

A deleted object can be restored where the bucket has soft delete, and becomes a noncurrent version where it has versioning.
Whoever reads it by its name finds it gone all the same, so neither makes a difference here. Rules that concern noncurrent
versions or unfinished uploads alone leave what can be read where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, SECOND, Array, Objects
from lightly_airflow.storage.lifecycle.expiry import Expiry, Removal, soonest
from lightly_airflow.storage.lifecycle.gcs_rule import CLASSES, GcsRule, read_rule


@dataclass(frozen=True, slots=True)
class GcsRules:
    """A bucket's rules; see :class:`~lightly_airflow.storage.lifecycle.expiry.Rules`.

    :param deletes: rules that delete live objects. "If you specify multiple rules that contain the same action, the action
        is taken on an object when that object matches the conditions in any of the rules."
    :param moves: rules that move live objects to a colder class, where other rules may delete them, or no longer; coldest
        target first, because of those that match together "the storage class with the lowest at-rest storage pricing
        takes precedence".
    :param retention: for how many microseconds the bucket's retention policy keeps each object.
    """

    deletes: tuple[GcsRule, ...] = ()
    moves: tuple[GcsRule, ...] = ()
    retention: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.deletes)

    def expiry(self, objects: Objects, now: int) -> Expiry:
        """When objects expire. None is deleted while it is held, or before its retention is over.

        How long a hold lasts is not known, so what is held never expires. An object whose deletion waits for its retention
        might meanwhile move to a class that the rule does not match; that is not documented, and not counted on.

        :param now: the time, in microseconds since 1970.
        """
        found = self._deletion(objects, now)
        kept = objects.facts["kept_until"]
        kept = np.where(kept > 0, kept, objects.facts["created"] + self.retention)
        never = objects.facts["held"] | (found.at == NEVER)
        return Expiry(np.where(never, NEVER, np.maximum(found.at, kept)), np.where(never, -1, found.rule))

    def doubtful(self, objects: Objects) -> Expiry:
        """None: Google's rules know nothing that a listing does not tell."""
        return soonest(len(objects), [])

    def removals(self, root: str, now: int) -> list[Removal]:
        told = [rule.removal(now) for rule in self.deletes if rule.may_concern(root)]
        return [replace(one, days=max(one.days, self.retention / DAY)) for one in told]

    def _deletion(self, objects: Objects, now: int) -> Expiry:
        """Follow objects through the classes, from the warmest to the coldest, until they are deleted or stay for ever.

        What is due but not done yet is done now, and "the Delete action takes precedence over any SetStorageClass action".
        A deletion that is due keeps its own time all the same.
        """
        deletes, moves = ([rule.times(objects) for rule in rules] for rules in (self.deletes, self.moves))
        targets = np.array([CLASSES.index(rule.target) for rule in self.moves], np.int64)
        own, since = objects.facts["storage_class"], objects.facts["created"].copy()
        ranks, found = _ranks(own), soonest(len(objects), [])
        for rank in range(len(CLASSES)):
            here = ranks == rank
            deletion = _first(self.deletes, deletes, rank, own, since)
            move = _first(self.moves, moves, rank, own, np.maximum(since, now))
            moving = here & (move.at < deletion.at)
            staying = here & ~moving
            found.at[staying], found.rule[staying] = deletion.at[staying], deletion.rule[staying]
            since[moving], ranks[moving] = move.at[moving], targets[move.rule[moving]]
        return found


def gcs_rules(bucket: Mapping[str, Any]) -> GcsRules:
    """The rules of a bucket that delete what can be read, and those that move it to other storage classes.

    :param bucket: the bucket resource, of which ``lifecycle`` and ``retentionPolicy`` are looked at.
    """
    given = (bucket.get("lifecycle") or {}).get("rule") or ()
    numbered = [(f"rule {number}", rule) for number, rule in enumerate(given, start=1) if _concerns_live(rule)]
    deletes = [read_rule(name, rule) for name, rule in numbered if rule["action"]["type"] == "Delete"]
    moves = [read_rule(name, rule) for name, rule in numbered if _moves(rule["action"])]
    coldest_first = sorted(moves, key=lambda rule: CLASSES.index(rule.target), reverse=True)
    retention = int((bucket.get("retentionPolicy") or {}).get("retentionPeriod") or 0)
    return GcsRules(tuple(deletes), tuple(coldest_first), retention * SECOND)


def _concerns_live(rule: Mapping[str, Any]) -> bool:
    """Whether a rule may match a live object, for which "the number of newer versions is considered to be 0"."""
    given = rule.get("condition") or {}
    noncurrent = any(name in given for name in ("daysSinceNoncurrentTime", "noncurrentTimeBefore"))
    return given.get("isLive") is not False and not noncurrent and int(given.get("numNewerVersions") or 0) == 0


def _moves(action: Mapping[str, Any]) -> bool:
    """Whether a rule moves objects to a colder class, the only ones that Google lets rules move them to."""
    return action["type"] == "SetStorageClass" and action.get("storageClass") in CLASSES[1:]


def _ranks(classes: Array) -> Array:
    ranks = np.zeros(len(classes), np.int64)
    for rank, name in enumerate(CLASSES):
        ranks[classes == name] = rank
    return ranks


def _first(rules: tuple[GcsRule, ...], times: list[Array], rank: int, own: Array, since: Array) -> Expiry:
    """When the first of some rules matches objects that have come to a class at a time."""
    pairs = zip(rules, times, strict=True)
    return soonest(
        len(own), (np.where(rule.matches_class(rank, own), np.maximum(time, since), NEVER) for rule, time in pairs)
    )
