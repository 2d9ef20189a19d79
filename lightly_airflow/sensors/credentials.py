"""When do the credentials behind a connection run out? Found out before they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

from airflow.sdk import conf
from airflow.sdk.exceptions import AirflowSkipException

from lightly_airflow.arguments import by_name, check_choice, days
from lightly_airflow.exceptions import input_errors
from lightly_airflow.hooks.expiration import OnUnknown
from lightly_airflow.hooks.validity import CredentialExpiry, known_validity, report, sentence
from lightly_airflow.sensors.base import LightlyTimedSensor

if TYPE_CHECKING:
    from airflow.sdk import XComArg

# When the credentials run out is known at the first look. Only a connection that was changed says something new.
POKE_INTERVAL = timedelta(hours=1)
# Somebody who is on holiday comes back in time.
MIN_DAYS_LEFT = 14
# What audits ask for: https://docs.aws.amazon.com/config/latest/developerguide/access-keys-rotated.html
MAX_KEY_AGE_DAYS = 90


class LightlyCredentialExpirySensor(LightlyTimedSensor):
    """Fires as soon as the credentials behind a datasource's connection are about to run out, so that what stands behind it,
    a rotation or an alert, runs in time.

    A SAS token says itself until when it is valid. The age of an AWS access key and the end and age of a Google service
    account's key are told by IAM, which the key itself has to be allowed to ask. What does not work any more fires at once.
    What never runs out skips the task, since it would wait for ever.

    :param datasource_conn_id: id of the connection (templated).
    :param min_days_left: days of 24 hours before the credentials run out, fractions allowed (templated; default 14).
    :param max_key_age_days: days of 24 hours after which a key of AWS or Google is to be replaced, from when it was made;
        more than ``min_days_left``, or new keys would count as old (templated; default 90, as AWS's own audits;
        ``None``: keys may get as old as they like).
    :param on_unknown: what happens if it is not to be found out when they run out (templated): ``fail`` (default), or
        ``assume_permanent``, which takes them to last and skips the task.
    :param deferrable: wait in the triggerer (default: Airflow's ``[operators] default_deferrable``).
    :param poke_interval: seconds or timedelta between two looks (default 1 h). The connection is read anew with each; one
        more is made at the moment at which the sensor is to fire.
    :returns: :class:`~lightly_airflow.hooks.validity.CredentialExpiry`: what runs out, when, in how many days, and how that
        is known.
    :raises LightlyInputError: the connection cannot be right, or what it holds can be asked by nobody and ``on_unknown`` is
        ``fail``. Not retried.
    :raises LightlyPermissionError: IAM may not be asked and ``on_unknown`` is ``fail``; names what to grant.
    """

    template_fields: Sequence[str] = ("datasource_conn_id", "min_days_left", "max_key_age_days", "on_unknown")
    # A connection that is changed meanwhile is seen after the poke interval at the latest.
    choose: Callable[[float, float], float] = staticmethod(min)

    def __init__(
        self,
        *,
        datasource_conn_id: str | XComArg,
        min_days_left: float | str | XComArg = MIN_DAYS_LEFT,
        max_key_age_days: float | str | XComArg | None = MAX_KEY_AGE_DAYS,
        on_unknown: OnUnknown = "fail",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: timedelta | float = POKE_INTERVAL,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **by_name(kwargs))
        self.datasource_conn_id: str = datasource_conn_id  # type: ignore[assignment]  # rendered by the time it is used
        self.min_days_left = min_days_left
        self.max_key_age_days = max_key_age_days
        self.on_unknown = on_unknown
        self.deferrable = deferrable
        self._days()

    def look(self) -> CredentialExpiry | None:
        with input_errors():
            min_days, max_age = self._days()
            found = known_validity(self.datasource_conn_id, max_age, self.on_unknown)
        now = self.clock()
        told = sentence(self.datasource_conn_id, found, now)
        if found.never:
            raise AirflowSkipException(f"{told}. There is nothing to wait for")
        due = found.due(min_days, now)
        if now < due:
            self.wait_for(due, told)
            return None
        self.log.info("%s", told)
        return report(self.datasource_conn_id, found, now)

    def still(self) -> str:
        return (
            f"connection {self.datasource_conn_id!r}: the credentials last longer than {self.min_days_left} days still"
        )

    def _days(self) -> tuple[float, float | None]:
        """What can be checked already, which is everything that is a literal."""
        check_choice("on_unknown", self.on_unknown, get_args(OnUnknown))
        max_age = None if self.max_key_age_days is None else days("max_key_age_days", self.max_key_age_days)
        return days("min_days_left", self.min_days_left), max_age
