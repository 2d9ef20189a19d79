"""Azure's lifecycle management policy, and the expiry time that a single blob may have.

Sources: https://learn.microsoft.com/en-us/azure/storage/blobs/lifecycle-management-policy-structure (filters, actions, run
conditions, access time tracking), .../lifecycle-management-policy-delete (current versions, soft delete),
.../lifecycle-management-overview (system containers), https://learn.microsoft.com/en-us/rest/api/storageservices/set-blob-expiry.

A policy belongs to the account and is run in the background: what is computed here is the earliest time from which a blob
may be gone. Tiering moves a blob and removes nothing; actions on snapshots and previous versions leave what can be read.
Blobs with snapshots, or in immutable containers, stay longer than their rules say; no listing tells that without more rights.

The facts of objects that the rules ask for: ``created``; ``accessed``, ``NEVER`` where access is not tracked; ``expires``,
the blob's own expiry time, ``NEVER`` without one; ``blob_type``, as List Blobs spells it. And where somebody has asked for
them, ``index_tags``: a dict for each blob, or ``None`` where its tags may not be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from lightly_airflow.storage.lifecycle.columns import DAY, NEVER, Array, Objects, days, later, microseconds
from lightly_airflow.storage.lifecycle.expiry import Expiry, Removal, overlaps, soonest

OWN_EXPIRY = "expiry time of the blob"
# Of a policy's names for them; page blobs are never deleted by one.
_TYPES = {"blockblob": "BlockBlob", "appendblob": "AppendBlob"}
_CONDITIONS = (
    "daysAfterModificationGreaterThan",
    "daysAfterCreationGreaterThan",
    "daysAfterLastAccessTimeGreaterThan",
)
# "Lifecycle management doesn't affect system containers such as the $logs or $web containers."
_SYSTEM_CONTAINERS = ("$logs", "$web")


@dataclass(frozen=True, slots=True)
class AzureRule:
    """One enabled rule that deletes current blobs of a container.

    Azure's SDKs call the three conditions mutually exclusive; where a rule has several, all of them have to hold.

    :param name: its name.
    :param modified: so many days after the last modification; ``None`` if that is no condition.
    :param created: so many days after the creation.
    :param accessed: so many days after the last access.
    :param since: what counts as the last access where none is tracked: when the policy was set, in microseconds since 1970.
    :param prefixes: only names in the container that begin with one of these; an empty one concerns all.
    :param types: only blobs of these types, as List Blobs spells them.
    :param tags: only blobs that have all of these index tags (name, value); a listing does not tell.
    """

    name: str
    modified: float | None = None
    created: float | None = None
    accessed: float | None = None
    since: int = 0
    prefixes: tuple[str, ...] = ("",)
    types: tuple[str, ...] = tuple(_TYPES.values())
    tags: tuple[tuple[str, str], ...] = ()

    def times(self, objects: Objects) -> Array:
        """When the rule deletes objects; those whose tags are not known count as having them.

        "If the number of days that have transpired exceeds the number specified for the condition, then the associated
        action can execute": never before so many times 24 hours, and at any moment after.
        """
        accessed = objects.facts["accessed"]
        bases = (objects.modified, objects.facts["created"], np.where(accessed == NEVER, self.since, accessed))
        when = np.zeros(len(objects), np.int64)
        for number, base in zip((self.modified, self.created, self.accessed), bases, strict=True):
            if number is not None:
                when = np.maximum(when, later(base, days(number)))
        return np.where(self._concerns(objects), when, NEVER)

    def removal(self, now: int) -> Removal:
        """The rule as advice shows it. An object that is written where access is not tracked lives by the policy's age."""
        untracked = None if self.accessed is None else max(0.0, self.accessed - (now - self.since) / DAY)
        kept = [number for number in (self.modified, self.created, untracked) if number is not None]
        return Removal(self.name, ", ".join([" and ".join(self._conditions()), *self._filters()]), float(max(kept)))

    def _concerns(self, objects: Objects) -> Array:
        concerned = np.isin(objects.facts["blob_type"], self.types)
        concerned &= np.logical_or.reduce([objects.starting_with(prefix) for prefix in self.prefixes])
        if self.tags and "index_tags" in objects.facts:
            concerned &= [self._is_tagged(tags) for tags in objects.facts["index_tags"]]
        return concerned

    def _is_tagged(self, tags: Mapping[str, str] | None) -> bool:
        return tags is None or all(tags.get(name) == value for name, value in self.tags)

    def _conditions(self) -> Iterator[str]:
        if self.modified is not None:
            yield f"{self.modified:g} days after the last modification"
        if self.created is not None:
            yield f"{self.created:g} days after creation"
        if self.accessed is not None:
            yield f"{self.accessed:g} days after the last access"

    def _filters(self) -> Iterator[str]:
        if "" not in self.prefixes:
            yield f"prefix {' or '.join(self.prefixes)}"
        if "BlockBlob" not in self.types:
            yield "append blobs alone"
        yield from (f"index tag {name}={value}" for name, value in self.tags)


@dataclass(frozen=True, slots=True)
class AzureRules:
    """A container's rules, and its blobs' own expiry times as one more; see
    :class:`~lightly_airflow.storage.lifecycle.expiry.Rules`."""

    rules: tuple[AzureRule, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (*(rule.name for rule in self.rules), OWN_EXPIRY)

    def expiry(self, objects: Objects, now: int) -> Expiry:
        """Rules that depend on index tags are among them if the objects' facts have those."""
        return soonest(len(objects), [*self._times(objects, doubtful=False), objects.facts["expires"]])

    def doubtful(self, objects: Objects) -> Expiry:
        return soonest(len(objects), self._times(objects, doubtful=True))

    def removals(self, root: str, now: int) -> list[Removal]:
        concerned = (rule for rule in self.rules if any(overlaps(root, prefix) for prefix in rule.prefixes))
        return [rule.removal(now) for rule in concerned]

    def _times(self, objects: Objects, *, doubtful: bool) -> Iterator[Array]:
        untold = "index_tags" not in objects.facts
        never = np.full(len(objects), NEVER, np.int64)
        return (rule.times(objects) if (bool(rule.tags) and untold) is doubtful else never for rule in self.rules)


def azure_rules(policy: Mapping[str, Any], container: str) -> AzureRules:
    """The rules of a storage account's policy that delete what can be read in one of its containers.

    :param policy: the resource that Azure's management API returns, with ``properties.policy.rules`` and
        ``properties.lastModifiedTime`` (https://learn.microsoft.com/en-us/rest/api/storagerp/management-policies/get).
    :param container: the container.
    """
    if container in _SYSTEM_CONTAINERS:
        return AzureRules()
    properties = policy.get("properties") or {}
    changed = properties.get("lastModifiedTime")
    # Without it, access may have been untracked for ever.
    since = microseconds(datetime.fromisoformat(changed)) if changed else 0
    given = (properties.get("policy") or {}).get("rules") or ()
    found = (_rule(rule, container, since) for rule in given if rule.get("enabled", True))
    return AzureRules(tuple(rule for rule in found if rule is not None))


def _rule(given: Mapping[str, Any], container: str, since: int) -> AzureRule | None:
    """``None`` for a rule that deletes no current blob, or none of the container."""
    definition = given["definition"]
    delete = ((definition.get("actions") or {}).get("baseBlob") or {}).get("delete") or {}
    modified, created, accessed = (delete.get(name) for name in _CONDITIONS)
    filters = definition.get("filters") or {}
    prefixes = tuple(_prefixes(filters.get("prefixMatch") or [""], container))
    types = tuple(_TYPES[name.lower()] for name in filters.get("blobTypes") or _TYPES if name.lower() in _TYPES)
    tags = tuple((tag["name"], tag["value"]) for tag in filters.get("blobIndexMatch") or ())
    if not (prefixes and types) or (modified, created, accessed) == (None, None, None):
        return None
    return AzureRule(given["name"], modified, created, accessed, since, prefixes, types, tags)


def _prefixes(given: list[str], container: str) -> Iterator[str]:
    """Those of a rule's prefixes that concern the container, without its name; one may be the beginning of that name."""
    place = f"{container}/"
    for prefix in given:
        if place.startswith(prefix):
            yield ""
        elif prefix.startswith(place):
            yield prefix.removeprefix(place)
