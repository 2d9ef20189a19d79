"""Until when the credentials behind a connection work, as Airflow finds out: which kind is asked how, and what came of it."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, TypedDict

from airflow.sdk import BaseHook

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.exceptions import LightlyInputError, LightlyPermissionError
from lightly_airflow.storage.validity import Validity, ValidityUnknown, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Connection

    from lightly_airflow.hooks.expiration import OnUnknown

    Asker = Callable[[Connection, float | None], Validity]

log = logging.getLogger(__name__)
# Connection type -> what finds out, from the connection and the days after which a key is old. A further cloud is one more
# file and one more line here.
ASKERS = {
    "aws": "lightly_airflow.hooks.aws_validity.aws_validity",
    "wasb": "lightly_airflow.hooks.azure_validity.azure_validity",
    "google_cloud_platform": "lightly_airflow.hooks.gcs_validity.gcs_validity",
}


class CredentialExpiry(TypedDict):
    """What the sensor returns: small, of plain JSON, with the same keys for every cloud, and without any secret.

    ``expires_at`` is ISO 8601 in UTC; ``None`` where the credentials have stopped to work and nobody says when, with
    ``days_left`` 0. ``days_left`` is below 0 where they have run out already. ``how`` says in a sentence how it is known.
    """

    conn_id: str
    kind: str
    expires_at: str | None
    days_left: float
    how: str


def connection_validity(conn_id: str | None, max_key_age_days: float | None) -> Validity:
    """Until when the credentials behind a connection work. The connection is read anew each time.

    :param max_key_age_days: days after which keys that have no end of their own are to be replaced; ``None``: never.
    :raises LightlyConfigError: the connection holds nothing that LightlyOne could use.
    :raises ValidityUnknown: it is not to be found out; says what would allow it, if anything would.
    :raises StorageError: what has to be asked failed to answer, or cannot be reached.
    """
    if not conn_id:
        raise LightlyConfigError("datasource_conn_id is missing: a disk has no credentials that could run out")
    connection = BaseHook.get_connection(conn_id)
    path = ASKERS.get(connection.conn_type or "")
    if path is None:
        raise LightlyConfigError(
            f"connection {conn_id!r} has type {connection.conn_type!r}; credentials of these types can be asked after:"
            f" {', '.join(ASKERS)}"
        )
    module, name = path.rsplit(".", 1)
    asker: Asker = getattr(import_module(module), name)
    return asker(connection, max_key_age_days)


def known_validity(conn_id: str | None, max_key_age_days: float | None, on_unknown: OnUnknown) -> Validity:
    """As :func:`connection_validity`, where ``on_unknown`` says what comes of what is not to be found out.

    :raises LightlyPermissionError: Airflow may not ask, and ``on_unknown`` is ``fail``.
    :raises LightlyInputError: nobody could ask, and ``on_unknown`` is ``fail``.
    """
    try:
        return connection_validity(conn_id, max_key_age_days)
    except ValidityUnknown as error:
        unknown = error
    if on_unknown == "fail":
        # What is granted meanwhile, a retry may find out; the rest stays as it is.
        kind, first = (LightlyPermissionError, "Grant it, or take") if unknown.needed else (LightlyInputError, "Take")
        raise kind(f"connection {conn_id!r}: {unknown}. {first} the credentials to last: on_unknown='assume_permanent'")
    log.warning("connection %r: %s; the credentials are taken to last, as on_unknown says", conn_id, unknown)
    return Validity(unknown.kind, f"{unknown}, and on_unknown is assume_permanent")


def report(conn_id: str, found: Validity, now: float) -> CredentialExpiry:
    """The result for other tasks.

    :param now: in seconds since 1970.
    """
    return {
        "conn_id": conn_id,
        "kind": found.kind,
        "expires_at": found.until.isoformat(timespec="seconds") if found.until else None,
        "days_left": round(found.days_left(now), 3),
        "how": found.how,
    }


def sentence(conn_id: str, found: Validity, now: float) -> str:
    """When the credentials run out and how that is known, for a log or an error."""
    whose = f"connection {conn_id!r}: the {found.kind}"
    if found.gone:
        return f"{whose} does not work any more: {found.how}"
    if found.until is None:
        return f"{whose} never runs out: {found.how}"
    left = found.days_left(now)
    when = f"in {left:.1f} days" if left > 0 else f"{-left:.1f} days ago"
    return f"{whose} {'runs' if left > 0 else 'ran'} out at {shown(found.until)}, {when}: {found.how}"


def last_four(key_id: str) -> str:
    """A key's id as messages may show it."""
    return f"...{key_id[-4:] if len(key_id) > 8 else ''}"
