"""S3 datasources by delegated access: a role that LightlyOne assumes, from ``aws`` connections with a ``role_arn``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightly_airflow.contract.models.datasources import DatasourceConfig, Purpose, S3DelegatedAccessConfig
from lightly_airflow.hooks.datasource import CannotTry, DatasourceHook, DatasourceOptions, hide
from lightly_airflow.hooks.s3 import S3DatasourceHook
from lightly_airflow.storage.clouds.s3_delegated import keep_botocore_quiet
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach

if TYPE_CHECKING:
    from airflow.sdk import Connection

# What may stand in assume_role_kwargs: the rest LightlyOne does not send, so its session would be another one.
_KNOWN = {"ExternalId", "RoleSessionName", "DurationSeconds"}


def s3_datasource_hook(connection: Connection) -> DatasourceHook:
    """The hook for ``s3://`` paths: by delegated access where the connection names a role, else by access key."""
    delegated = bool(connection.extra_dejson.get("role_arn"))
    return S3DelegatedHook(connection) if delegated else S3DatasourceHook(connection)


class S3DelegatedHook(S3DatasourceHook):
    """``aws`` connection with ``role_arn`` and ``assume_role_kwargs.ExternalId`` in the extra.

    Keys beside them are those with which Airflow itself may assume the role; LightlyOne has its own and never gets them.
    """

    def config(self, resource_path: str, purpose: Purpose, options: DatasourceOptions) -> DatasourceConfig:
        path = parse_resource_path(resource_path, "s3")
        return self.made(
            S3DelegatedAccessConfig,
            purpose=purpose,
            full_path=str(path),
            thumb_suffix=options.thumbnail_suffix,
            s3_external_id=self.external_id,
            s3_arn=self.role_arn,
            s3_region=self.region(options),
            s3_server_side_encryption_kms_key=options.kms_key,
        )

    def reach(self, config: DatasourceConfig) -> Reach:
        """The role's session: Airflow assumes it with its own AWS identity, which its trust policy may not let in."""
        return Reach(self.endpoint_url, self.verify, self._session())

    @property
    def role_arn(self) -> str:
        """The role; raises :class:`LightlyConfigError` if it is to be assumed in a way that LightlyOne does not know."""
        method = self.connection.extra_dejson.get("assume_role_method", "assume_role")
        if method != "assume_role":
            raise self.wrong(
                f"LightlyOne assumes a role by its external id alone, not by {method}; give the role a trust policy for"
                " LightlyOne's account and take assume_role_method out of extra"
            )
        return str(self.connection.extra_dejson["role_arn"])

    @property
    def external_id(self) -> str:
        """The external id, masked in logs; raises :class:`LightlyConfigError` without one."""
        given = self.extras("assume_role_kwargs")
        hide(given.get("ExternalId"))
        if not given.get("ExternalId"):
            raise self.wrong(
                'delegated access needs an external id; put {"assume_role_kwargs": {"ExternalId": "..."}} into extra'
            )
        if unknown := sorted(set(given) - _KNOWN):
            raise self.wrong(
                f"LightlyOne cannot pass {', '.join(unknown)} when it assumes a role; take it out of extra"
            )
        return str(given["ExternalId"])

    def _session(self) -> dict[str, str]:
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
        from botocore.exceptions import BotoCoreError, ClientError

        keep_botocore_quiet()
        hook = AwsBaseHook(aws_conn_id=self.connection.conn_id, client_type="s3", config=self.patience())
        # "from None": the errors of a chain would be logged as well, and those are not known to hold no secret.
        try:
            keys = hook.get_session().get_credentials().get_frozen_credentials()  # type: ignore[union-attr]  # a role has some
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "no reason")
            raise CannotTry(f"STS does not let Airflow assume {self.role_arn} with this external id ({code})") from None
        except BotoCoreError as error:
            raise CannotTry(f"Airflow could not ask STS for {self.role_arn} ({type(error).__name__})") from None
        hide(keys.access_key, keys.secret_key, keys.token)
        session = {"access_key_id": keys.access_key, "secret_access_key": keys.secret_key, "token": keys.token}
        return {name: str(value) for name, value in session.items()}
