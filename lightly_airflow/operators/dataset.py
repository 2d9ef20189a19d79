"""Creating datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from airflow.sdk.exceptions import AirflowSkipException

from lightly_airflow.arguments import DATASET_TYPES, check_choice, is_template
from lightly_airflow.client.flows.datasets import IfExists, ensure_dataset
from lightly_airflow.contract.rules import check_dataset_name
from lightly_airflow.exceptions import input_errors
from lightly_airflow.operators.base import LightlyOperator


class LightlyCreateDatasetOperator(LightlyOperator):
    """Creates a LightlyOne dataset, or takes the one that is there. Safe to retry and to run twice at once.

    See https://docs.lightly.ai/docs/cloud-storage for what datasets are.

    :param dataset_name: at least 3 letters, digits, blanks, ``_`` or ``-``, beginning with a letter or digit (templated).
    :param dataset_type: ``Images`` (default) or ``Videos`` (templated).
    :param if_exists: what to do where a dataset of that exact name exists (templated): ``return`` its id (default, so
        that every night after the first uses the same dataset), ``fail``, ``skip`` this task, or make a ``unique`` name
        by appending ``_1``, ``_2`` ... An existing dataset of another type is an error in any case but ``unique``.
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :returns: the dataset's id.
    :raises LightlyInputError: an illegal name, a name that is taken under ``fail``, a dataset of another type.
    """

    template_fields: Sequence[str] = ("dataset_name", "dataset_type", "if_exists", "lightly_conn_id")

    def __init__(
        self,
        *,
        dataset_name: str,
        dataset_type: str = "Images",
        if_exists: IfExists = "return",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset_name = dataset_name
        self.dataset_type = dataset_type
        self.if_exists = if_exists
        self._check()

    def execute(self, context: Any) -> str:
        with input_errors():
            self._check()
            outcome = self.hook.run(ensure_dataset(self.dataset_name, self.dataset_type, self.if_exists))  # type: ignore[arg-type]  # _check() has checked it
        if self.if_exists == "skip" and not outcome.created:
            raise AirflowSkipException(f"dataset {outcome.name!r} exists already: {outcome.dataset_id}")
        self.log.info("%s dataset %r: %s", "Created" if outcome.created else "Found", outcome.name, outcome.dataset_id)
        return outcome.dataset_id

    def _check(self) -> None:
        """What can be told already: everything that is a literal."""
        if not is_template(self.dataset_name):
            check_dataset_name(self.dataset_name)
        check_choice("dataset_type", self.dataset_type, DATASET_TYPES)
        check_choice("if_exists", self.if_exists, get_args(IfExists))
