"""Giving a dataset its datasources, and proving that LightlyOne can use them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast, get_args

from lightly_airflow.arguments import by_name, check_choice, is_template, seconds
from lightly_airflow.client.flows.datasources import PERMISSIONS, Permission, verify
from lightly_airflow.client.settings import DEFAULT_API_URL
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import DEFAULT_THUMB_SUFFIX, DatasourceConfig, Purpose
from lightly_airflow.contract.operations.datasets import get_dataset
from lightly_airflow.contract.operations.datasources import put_datasource
from lightly_airflow.exceptions import LightlyPermissionError, input_errors
from lightly_airflow.hooks.datasource import (
    SAS_LIFETIME,
    SAS_MIN_VALIDITY,
    DatasourceHook,
    DatasourceOptions,
    datasource_hook,
)
from lightly_airflow.operators.base import LightlyOperator
from lightly_airflow.operators.preflight import check_datasource

if TYPE_CHECKING:
    from airflow.sdk import XComArg

# Options that not every kind of datasource has, and how the types of those begin that do.
_ONLY_FOR = {"region": "S3", "server_side_encryption_kms_key": "S3", "web_server_location": "LOCAL"}


class LightlySetDatasourceOperator(LightlyOperator):
    """Sets a dataset's datasource from an Airflow connection. Setting it again replaces the credentials at once.

    See https://docs.lightly.ai/docs/cloud-storage for purposes and paths.

    :param dataset_id: the dataset, such as ``dataset.output`` of the task that created it (templated).
    :param resource_path: the directory, such as ``s3://bucket/directory/``; it must exist, and may be empty (templated).
    :param datasource_conn_id: id of the connection with the storage's credentials: ``aws`` for S3 and OBS, ``wasb`` for
        Azure, ``google_cloud_platform`` for Google Cloud Storage (templated; default ``None``: the path is on a disk that
        is mounted into LightlyOne's worker).
    :param purpose: ``INPUT`` for raw data, ``LIGHTLY`` for predictions, metadata and results, ``INPUT_OUTPUT`` for both
        in one place (templated).
    :param thumbnail_suffix: where thumbnails go; ``None`` for none, full images are shown then (templated; default
        LightlyOne's own).
    :param region: the region of an S3 bucket, in AWS's spelling (templated; default the connection's ``region_name``).
    :param server_side_encryption_kms_key: ARN of the KMS key that encrypts what LightlyOne writes to an S3 bucket
        (templated; default ``None``: as the bucket is set up).
    :param web_server_location: URL where a local disk's files are served to the browser (templated; default
        LightlyOne's own, ``http://localhost:3456``).
    :param sas_lifetime: seconds or timedelta for which a SAS token is valid that is made of an Azure account key
        (templated; default 7 days: it is made anew whenever the task runs).
    :param sas_min_validity: seconds or timedelta for which an Azure SAS token has to be valid at least, so that it does
        not expire before the run ends (templated; default 24 h).
    :param preflight: try the credentials from here before LightlyOne is told of them, and count an INPUT's files (default
        ``True``, so that wrong credentials never replace good ones; ``False`` where Airflow cannot reach the storage).
    :param lightly_conn_id: id of the ``lightly`` connection (templated; default ``lightly_default``).
    :returns: ``{"dataset_id", "purpose", "type", "resource_path"}``.
    :raises LightlyInputError: a connection or path that LightlyOne cannot use, a directory that does not exist, an INPUT
        without a file of the dataset's type.
    :raises LightlyPermissionError: the credentials lack a permission: which, why, and what to grant.
    """

    template_fields: Sequence[str] = (
        "dataset_id", "resource_path", "datasource_conn_id", "purpose", "thumbnail_suffix", "region",
        "server_side_encryption_kms_key", "web_server_location", "sas_lifetime", "sas_min_validity", "lightly_conn_id",
    )  # fmt: skip

    def __init__(
        self,
        *,
        dataset_id: str | XComArg,
        resource_path: str,
        datasource_conn_id: str | None = None,
        purpose: str,
        thumbnail_suffix: str | None = DEFAULT_THUMB_SUFFIX,
        region: str | None = None,
        server_side_encryption_kms_key: str | None = None,
        web_server_location: str | None = None,
        sas_lifetime: timedelta | float | str = SAS_LIFETIME,
        sas_min_validity: timedelta | float | str = SAS_MIN_VALIDITY,
        preflight: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**by_name(kwargs))
        self.dataset_id: str = dataset_id  # type: ignore[assignment]  # rendered by the time it is used
        self.resource_path = resource_path
        self.datasource_conn_id = datasource_conn_id
        self.purpose = purpose
        self.thumbnail_suffix = thumbnail_suffix
        self.region = region
        self.server_side_encryption_kms_key = server_side_encryption_kms_key
        self.web_server_location = web_server_location
        self.sas_lifetime = sas_lifetime
        self.sas_min_validity = sas_min_validity
        self.preflight = preflight
        check_choice("purpose", self.purpose, get_args(Purpose))
        for name in ("sas_lifetime", "sas_min_validity"):
            if not is_template(getattr(self, name)):
                seconds(name, getattr(self, name))

    def execute(self, context: Any) -> dict[str, str]:
        with input_errors():
            check_choice("purpose", self.purpose, get_args(Purpose))
            storage = datasource_hook(self.datasource_conn_id, self.resource_path)
            config = storage.config(self.resource_path, cast("Purpose", self.purpose), self._options)
            self._check_options(config)
            self._warn_of_endpoint(storage)
            if self.preflight:
                check_datasource(storage, config, self.hook.run(get_dataset(self.dataset_id)).type)
            self.hook.run(put_datasource(self.dataset_id, config))
        self.log.info("Set %s of dataset %s to %s", self.purpose, self.dataset_id, config.full_path)
        return {
            "dataset_id": self.dataset_id,
            "purpose": self.purpose,
            "type": config.type,
            "resource_path": config.full_path,
        }

    @property
    def _options(self) -> DatasourceOptions:
        return DatasourceOptions(
            thumbnail_suffix=self.thumbnail_suffix,
            region=self.region,
            kms_key=self.server_side_encryption_kms_key,
            web_server_location=self.web_server_location,
            sas_lifetime=timedelta(seconds=seconds("sas_lifetime", self.sas_lifetime)),
            sas_min_validity=timedelta(seconds=seconds("sas_min_validity", self.sas_min_validity)),
        )

    def _check_options(self, config: DatasourceConfig) -> None:
        for name, kind in _ONLY_FOR.items():
            if getattr(self, name) and not config.type.startswith(kind):
                raise LightlyConfigError(f"{name}: {config.type} datasources have none; remove it")

    def _warn_of_endpoint(self, storage: DatasourceHook) -> None:
        if self.hook.settings.api_url == DEFAULT_API_URL and getattr(storage, "foreign_endpoint", False):
            self.log.warning(
                "Connection %s names an endpoint, but LightlyOne's datasources of this kind have no field for one:"
                " LightlyOne will look for %s at the cloud itself",
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
        super().__init__(**by_name(kwargs))
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
