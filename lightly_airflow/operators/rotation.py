"""A secret was changed in a connection: the datasources of all datasets follow, proven before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast, get_args

from lightly_airflow.arguments import by_name, check_choice, flag, one_or_many
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.exceptions import LightlyRotationFailed, input_errors
from lightly_airflow.operators.base import LightlyOperator
from lightly_airflow.operators.rotate_one import Outcome, Result, Rotation

if TYPE_CHECKING:
    from airflow.sdk import XComArg

_FAILED: tuple[Outcome, ...] = ("refused before", "rolled back", "broken")


class Rotated(TypedDict):
    """What the operator returns.

    ``counts`` has how many datasets came to each outcome, ``outcomes`` each dataset's own: ``rotated``, ``unchanged``, or,
    in a dry run, ``would be rotated``.
    """

    purpose: str
    counts: dict[str, int]
    outcomes: dict[str, str]


class LightlyRotateCredentialsOperator(LightlyOperator):
    """Gives the datasources of datasets the credentials that a connection holds now, proven before and after.

    LightlyOne keeps its own copy of a datasource's credentials, and replacing it takes effect at once. So each datasource
    whose credentials have changed is taken through a preflight, the replacement, and LightlyOne's own verification; where
    that fails, the previous credentials are put back. Path, region, thumbnails and KMS key stay as LightlyOne has them.
    A dataset that fails does not stop the others. See https://docs.lightly.ai/docs/cloud-storage for the permissions.

    :param dataset_id: the dataset, or a list of datasets, such as another task's output (templated).
    :param datasource_conn_id: id of the connection with the new credentials (templated).
    :param purpose: which datasource: ``INPUT``, ``LIGHTLY`` or ``INPUT_OUTPUT`` (templated).
    :param previous_conn_id: id of a connection that still has the old credentials, to put them back if LightlyOne cannot
        use the new ones (templated; default ``None``: nothing is put back).
    :param dry_run: tell what would be done, and tell LightlyOne nothing; the preflight is still made, which writes and
        deletes a small object where the purpose needs writing (templated; default ``False``).
    :param preflight: try the new credentials from here before LightlyOne is told, once for each path (default ``True``;
        ``False`` where Airflow cannot reach the storage).
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :returns: :class:`~lightly_airflow.operators.rotation.Rotated`: the purpose, counts, and each dataset's outcome.
    :raises LightlyInputError: an argument that cannot be right.
    :raises LightlyRotationFailed: datasets were refused before, rolled back or are broken; names each with its reason. The
        others have the new credentials, and a retry leaves those alone.
    """

    template_fields: Sequence[str] = (
        "dataset_id", "datasource_conn_id", "purpose", "previous_conn_id", "dry_run", "lightly_conn_id",
    )  # fmt: skip

    def __init__(
        self,
        *,
        dataset_id: str | Sequence[str] | XComArg,
        datasource_conn_id: str,
        purpose: str,
        previous_conn_id: str | None = None,
        dry_run: bool | str = False,
        preflight: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**by_name(kwargs))
        self.dataset_id: Any = dataset_id
        self.datasource_conn_id = datasource_conn_id
        self.purpose = purpose
        self.previous_conn_id = previous_conn_id
        self.dry_run = dry_run  # type: ignore[method-assign, assignment]  # the base has a method of that name
        self.preflight = preflight
        check_choice("purpose", self.purpose, get_args(Purpose))

    def execute(self, context: Any) -> Rotated:
        with input_errors():
            dataset_ids = one_or_many("dataset_id", self.dataset_id)
            rotation = self._rotation()
        results = []
        for dataset_id in dataset_ids:
            results.append(rotation.of(dataset_id))
            self.log.info("Dataset %s: %s", dataset_id, results[-1].outcome)
        self._tell(results)
        return {
            "purpose": self.purpose,
            "counts": dict(Counter(str(one.outcome) for one in results)),
            "outcomes": {one.dataset_id: one.outcome for one in results},
        }

    def _rotation(self) -> Rotation:
        """What can be told before the first request."""
        check_choice("purpose", self.purpose, get_args(Purpose))
        if self.previous_conn_id == self.datasource_conn_id:
            raise LightlyConfigError(
                f"previous_conn_id: {self.previous_conn_id!r} is also datasource_conn_id; name the connection that still has"
                " the old credentials, or none"
            )
        return Rotation(
            self.hook,
            cast("Purpose", self.purpose),
            self.datasource_conn_id,
            self.previous_conn_id or None,
            preflight=self.preflight,
            dry_run=flag("dry_run", self.dry_run),
        )

    def _tell(self, results: list[Result]) -> None:
        lines = [f"  {one.dataset_id:<24}  {self.purpose:<12}  {one.outcome}" for one in results]
        table = "\n".join([f"  {'dataset':<24}  {'purpose':<12}  outcome", *lines])
        self.log.info("The credentials of connection %s:\n%s", self.datasource_conn_id, table)
        failed = [one for one in results if one.outcome in _FAILED]
        if failed:
            told = "\n".join(f"- {one.dataset_id}: {one.outcome}: {one.reason}" for one in failed)
            raise LightlyRotationFailed(
                f"{len(failed)} of {len(results)} {self.purpose} datasources do not have the credentials of connection"
                f" {self.datasource_conn_id!r} or cannot be used with them:\n{told}"
            )
