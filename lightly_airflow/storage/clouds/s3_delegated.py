"""S3 by delegated access: with a session of the role that the datasource names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import S3DelegatedAccessConfig
from lightly_airflow.storage.clouds import s3
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach

if TYPE_CHECKING:
    from obstore.store import S3Credential

CAUSES = (
    (r"STS: AccessDenied", "the role may not be assumed; check its trust policy and the external id"),
    (r"STS: ", "the role could not be assumed; check the AWS identity of this machine and its way to STS"),
    *s3.CAUSES,
)


def account(config: S3DelegatedAccessConfig, reach: Reach) -> s3.S3Account:
    """What opens an S3 datasource of delegated access: a session of its role, the one given, else one that the AWS
    identity of this machine's environment opens."""
    return s3.S3Account(
        parse_resource_path(config.full_path, "s3"),
        _given(reach.session) if reach.session else _assumed(config),
        s3.aws_region(config.s3_region),
        reach.endpoint or s3.s3_endpoint(),
        reach.verify,
    )


def open_store(config: S3DelegatedAccessConfig, reach: Reach) -> Directory:
    """The directory of an S3 datasource, opened with a session of its role."""
    return s3.s3_directory(account(config, reach), config.s3_server_side_encryption_kms_key, CAUSES)


def keep_botocore_quiet() -> None:
    """Take DEBUG from botocore's loggers, for good: it tells there what STS is asked and answers, the external id and the
    session's secrets among it, and not every log is masked."""
    botocore = logging.getLogger("botocore")
    if botocore.getEffectiveLevel() < logging.INFO:
        botocore.setLevel(logging.INFO)


def _given(session: dict[str, str]) -> Callable[[], S3Credential]:
    return lambda: {
        "access_key_id": session["access_key_id"],
        "secret_access_key": session["secret_access_key"],
        "token": session["token"],
        "expires_at": None,
    }


def _assumed(config: S3DelegatedAccessConfig) -> Callable[[], S3Credential]:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise LightlyConfigError("assuming a role needs boto3: pip install 'lightly-airflow[amazon]'") from None

    keep_botocore_quiet()

    def assume() -> S3Credential:
        """Asked by obstore for the first request, and again when the session is about to end."""
        try:
            # A session of its own: boto3's default one must not be used by several threads at once.
            sts = boto3.session.Session().client("sts", region_name=s3.aws_region(config.s3_region))
            answer = sts.assume_role(RoleArn=config.s3_arn, RoleSessionName="lightly", ExternalId=config.s3_external_id)
        except ClientError as error:
            raise RuntimeError(f"STS: {error.response['Error']['Code']}") from None
        except BotoCoreError as error:
            raise RuntimeError(f"STS: {type(error).__name__}") from None
        keys = answer["Credentials"]
        return {
            "access_key_id": keys["AccessKeyId"],
            "secret_access_key": keys["SecretAccessKey"],
            "token": keys["SessionToken"],
            "expires_at": keys["Expiration"].astimezone(UTC),  # obstore takes no other UTC than Python's own
        }

    return assume
