"""Does a datasource's bucket keep what LightlyOne needs for as long as it needs it?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast, get_args

from airflow.sdk import BaseOperator

from lightly_airflow.arguments import by_name, check_choice, days
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.exceptions import LightlyRetentionTooShort, input_errors
from lightly_airflow.hooks.expiration import OnUnknown, Place, directory_prefix, known_rules, place

if TYPE_CHECKING:
    from lightly_airflow.storage.lifecycle.expiry import Removal

OnShort = Literal["fail", "warn"]
# LightlyOne's advice: https://docs.lightly.ai/docs/cloud-storage. What it writes has to stay, wherever it writes it.
_ADVISED: dict[str, float] = {"INPUT": 30, "LIGHTLY": math.inf, "INPUT_OUTPUT": math.inf}


class Retention(TypedDict):
    """What the operator returns.

    ``short`` has the rules that remove objects sooner than advised, each with ``rule``, ``says`` and ``days``; ``known`` is
    false where the rules could not be read.
    """

    resource_path: str
    known: bool
    short: list[dict[str, Any]]


class LightlyRetentionCheckOperator(BaseOperator):
    """Checks that a bucket's lifecycle rules keep a datasource's objects as long as LightlyOne advises.

    The advice (https://docs.lightly.ai/docs/cloud-storage): INPUT keeps data for 30 days or more, LIGHTLY keeps everything,
    since selected images that are gone can be neither seen nor exported. Only rules are read, no object is listed.

    :param resource_path: the datasource's directory, such as ``s3://bucket/directory/`` (templated).
    :param datasource_conn_id: id of the connection with the storage's credentials (templated; default ``None``: the path is
        on a disk that is mounted into LightlyOne's worker, and nothing expires there).
    :param purpose: ``INPUT``, ``LIGHTLY`` or ``INPUT_OUTPUT`` (templated).
    :param min_days: for how many days objects have to be kept (templated; default: LightlyOne's advice for the purpose).
    :param on_short: ``fail`` the task (default) or ``warn`` in its log, if a rule removes objects sooner (templated).
    :param on_unknown: ``fail`` the task (default) if the rules may not be read, or ``assume_permanent`` (templated).
    :param rules_conn_id: id of a connection that reads the rules, if ``datasource_conn_id`` may not (templated); for
        Azure one of the type ``azure``.
    :param region: the region of an S3 bucket (templated; default the connection's ``region_name``).
    :returns: :class:`~lightly_airflow.operators.retention.Retention`: which rules of the bucket fall short.
    :raises LightlyRetentionTooShort: a rule removes objects too soon, each named with its days; not retried.
    :raises LightlyPermissionError: the rules may not be read and ``on_unknown`` is ``fail``.
    """

    template_fields: Sequence[str] = (
        "resource_path", "datasource_conn_id", "purpose", "min_days", "on_short", "on_unknown", "rules_conn_id", "region",
    )  # fmt: skip
    ui_color = "#e8f1fb"
    # In seconds since 1970; tests set another.
    clock: Callable[[], float] = staticmethod(time.time)

    def __init__(
        self,
        *,
        resource_path: str,
        datasource_conn_id: str | None = None,
        purpose: str,
        min_days: float | str | None = None,
        on_short: OnShort = "fail",
        on_unknown: OnUnknown = "fail",
        rules_conn_id: str | None = None,
        region: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**by_name(kwargs))
        self.resource_path = resource_path
        self.datasource_conn_id = datasource_conn_id
        self.purpose = purpose
        self.min_days = min_days
        self.on_short = on_short
        self.on_unknown = on_unknown
        self.rules_conn_id = rules_conn_id
        self.region = region
        self._check()

    def execute(self, context: Any) -> Retention:
        with input_errors():
            self._check()
            purpose = cast("Purpose", self.purpose)
            checked = place(
                self.resource_path,
                self.datasource_conn_id,
                purpose,
                region=self.region,
                rules_conn_id=self.rules_conn_id,
            )
            needed = _ADVISED[purpose] if self.min_days is None else days("min_days", self.min_days)
            rules = known_rules(checked, self.on_unknown)
        removals = rules.removals(directory_prefix(checked.config), int(self.clock() * 1e6)) if rules else []
        self._tell(checked, [one for one in removals if one.days < needed], needed, known=rules is not None)
        return {
            "resource_path": checked.config.full_path,
            "known": rules is not None,
            "short": [_plain(one) for one in removals if one.days < needed],
        }

    def _tell(self, checked: Place, short: list[Removal], needed: float, *, known: bool) -> None:
        wanted = "everything" if needed == math.inf else f"objects for {needed:g} days"
        if short:
            lines = "\n".join(f"- rule {one.rule!r} removes objects {one.says}" for one in short)
            told = f"{checked} should keep {wanted}, and its bucket does not:\n{lines}"
            if self.on_short == "fail":
                raise LightlyRetentionTooShort(told)
            self.log.warning("%s", told)
        elif known:
            self.log.info("%s keeps %s", checked, wanted)

    def _check(self) -> None:
        """What can be told already: everything that is a literal."""
        check_choice("purpose", self.purpose, get_args(Purpose))
        check_choice("on_short", self.on_short, get_args(OnShort))
        check_choice("on_unknown", self.on_unknown, get_args(OnUnknown))
        days("min_days", self.min_days)


def _plain(removal: Removal) -> dict[str, Any]:
    return {"rule": removal.rule, "says": removal.says, "days": removal.days}
