"""Giving a dataset its datasources, and proving that LightlyOne can use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast, get_args

from lightly_airflow.client.flows.datasources import PERMISSIONS, Permission, verify
from lightly_airflow.client.settings import DEFAULT_API_URL
from lightly_airflow.contract.models.datasources import DEFAULT_THUMB_SUFFIX, Purpose
from lightly_airflow.contract.operations.datasources import put_datasource
from lightly_airflow.exceptions import LightlyPermissionError, input_errors
from lightly_airflow.hooks.datasource import DatasourceHook, DatasourceOptions, datasource_hook
from lightly_airflow.operators.base import LightlyOperator, check_choice

if TYPE_CHECKING:
    from airflow.sdk import XComArg


class LightlySetDatasourceOperator(LightlyOperator):
    """Sets a dataset's datasource from an Airflow connection. Setting it again replaces the credentials at once.

    See https://docs.lightly.ai/docs/cloud-storage for purposes and paths.

    :param dataset_id: the dataset, such as ``dataset.output`` of the task that created it (templated).
    :param resource_path: the directory, such as ``s3://bucket/directory/``; it must exist, and may be empty (templated).
    :param datasource_conn_id: id of the connection with the storage's credentials: ``aws`` for S3 (templated).
    :param purpose: ``INPUT`` for raw data, ``LIGHTLY`` for predictions, metadata and results, ``INPUT_OUTPUT`` for both
        in one place (templated).
    :param thumbnail_suffix: where thumbnails go; ``None`` for none, full images are shown then (templated; default
        LightlyOne's own).
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :returns: ``{"dataset_id", "purpose", "type", "resource_path"}``.
    :raises LightlyInputError: a connection or path that LightlyOne cannot use.
    """

    template_fields: Sequence[str] = (
        "dataset_id", "resource_path", "datasource_conn_id", "purpose", "thumbnail_suffix", "lightly_conn_id",
    )  # fmt: skip

    def __init__(
        self,
        *,
        dataset_id: str | XComArg,
        resource_path: str,
        datasource_conn_id: str,
        purpose: str,
        thumbnail_suffix: str | None = DEFAULT_THUMB_SUFFIX,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dataset_id: str = dataset_id  # type: ignore[assignment]  # rendered by the time it is used
        self.resource_path = resource_path
        self.datasource_conn_id = datasource_conn_id
        self.purpose = purpose
        self.thumbnail_suffix = thumbnail_suffix
        check_choice("purpose", self.purpose, get_args(Purpose))

    def execute(self, context: Any) -> dict[str, str]:
        with input_errors():
            check_choice("purpose", self.purpose, get_args(Purpose))
            storage = datasource_hook(self.datasource_conn_id, self.resource_path)
            options = DatasourceOptions(self.thumbnail_suffix)
            config = storage.config(self.resource_path, cast("Purpose", self.purpose), options)
            self._warn_of_endpoint(storage)
            self.hook.run(put_datasource(self.dataset_id, config))
        self.log.info("Set %s of dataset %s to %s", self.purpose, self.dataset_id, config.full_path)
        return {
            "dataset_id": self.dataset_id,
            "purpose": self.purpose,
            "type": config.type,
            "resource_path": config.full_path,
        }

    def _warn_of_endpoint(self, storage: DatasourceHook) -> None:
        if self.hook.settings.api_url == DEFAULT_API_URL and getattr(storage, "foreign_endpoint", False):
            self.log.warning(
                "Connection %s has an endpoint_url, but LightlyOne's S3 datasources have no field for one:"
                " LightlyOne will look for %s at AWS",
                self.datasource_conn_id,
                self.resource_path,
            )


class LightlyVerifyDatasourceOperator(LightlyOperator):
    """Asks LightlyOne to try a dataset's datasources, and fails where it lacks a permission.

    See https://docs.lightly.ai/docs/cloud-storage: all four permissions are expected, list
    and read on both datasources, write and overwrite on LIGHTLY.

    :param dataset_id: the dataset (templated).
    :param permissions: those whose absence fails the task (templated; default ``list``, ``read``, ``write``,
        ``overwrite``).
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :returns: ``{"list": true, "read": true, "write": true, "overwrite": true}``.
    :raises LightlyPermissionError: names each missing permission, the datasource and LightlyOne's own reason.
    """

    template_fields: Sequence[str] = ("dataset_id", "permissions", "lightly_conn_id")

    def __init__(
        self, *, dataset_id: str | XComArg, permissions: Sequence[Permission] = PERMISSIONS, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dataset_id: str = dataset_id  # type: ignore[assignment]  # rendered by the time it is used
        self.permissions = permissions
        self._check()

    def execute(self, context: Any) -> dict[str, bool]:
        with input_errors():
            self._check()
            outcome = self.hook.run(verify(self.dataset_id, tuple(self.permissions)))
        if outcome.problems:
            told = "\n".join(f"- {problem}" for problem in outcome.problems)
            raise LightlyPermissionError(f"LightlyOne cannot use the datasources of dataset {self.dataset_id}:\n{told}")
        self.log.info("LightlyOne may %s", ", ".join(name for name, has in outcome.granted.items() if has))
        return {str(name): has for name, has in outcome.granted.items()}

    def _check(self) -> None:
        for permission in self.permissions if isinstance(self.permissions, (list, tuple)) else ():
            check_choice("permissions", permission, PERMISSIONS)
