"""Until when the credentials of an ``aws`` connection work: IAM tells how old an access key is, if the key may ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeVar

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.s3 import S3DatasourceHook, foreign_host
from lightly_airflow.hooks.s3_delegated import S3DelegatedHook
from lightly_airflow.hooks.validity import last_four
from lightly_airflow.storage.clouds.s3_delegated import keep_botocore_quiet
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.validity import Validity, ValidityUnknown, key_validity

if TYPE_CHECKING:
    from airflow.sdk import Connection

T = TypeVar("T")
_KIND = "AWS access key"
# The resource as https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_iam_credentials_console.html
_NEEDED = "iam:ListAccessKeys on arn:aws:iam::*:user/${aws:username}"


def aws_validity(connection: Connection, max_key_age_days: float | None) -> Validity:
    """An access key has no end: it is as old as IAM says, and no longer used than ``max_key_age_days``.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html, for the user that the key itself belongs to.

    :raises LightlyConfigError: the connection holds nothing that LightlyOne could use, or the key's secret is another.
    :raises ValidityUnknown: the key may not ask, or it is for a store that is not AWS.
    :raises StorageError: IAM failed to answer, or cannot be reached.
    :raises AirflowOptionalProviderFeatureException: the package that speaks to it is not installed.
    """
    if connection.extra_dejson.get("role_arn"):
        return _role(S3DelegatedHook(connection))
    hook = S3DatasourceHook(connection)
    own_id, iam = hook.access_key.id, hook.aws.get_service_config("iam").get("endpoint_url")
    store = foreign_host(hook.endpoint_url or connection.host)
    if iam is None and store:
        raise ValidityUnknown(
            "access key", f"the store at {store} is not AWS, so that nobody can be asked how old its key is"
        )
    listed = _asked(hook, lambda: _list(hook, iam))
    name = f"the key {last_four(own_id)}"
    if listed is None:
        return Validity(_KIND, f"AWS does not know {name} (any more), or somebody has deactivated it", gone=True)
    own = next((one for one in listed if one["AccessKeyId"] == own_id), None)
    if own is None or own["Status"] != "Active":
        return Validity(_KIND, f"IAM {'does not list' if own is None else 'has deactivated'} {name}", gone=True)
    return key_validity(_KIND, name, own["CreateDate"].astimezone(UTC), None, max_key_age_days)


def _role(hook: S3DelegatedHook) -> Validity:
    return Validity("AWS role", f"LightlyOne assumes {hook.role_arn} anew each time, with credentials of its own")


def _list(hook: S3DatasourceHook, endpoint: str | None) -> list[dict[str, Any]]:
    """The keys of the user; there are two at most, so they come in one answer."""
    from airflow.providers.amazon.aws.hooks.base_aws import SessionFactory

    keep_botocore_quiet()
    session, verify = SessionFactory(conn=hook.aws).create_session(), hook.verify
    client = session.client(
        "iam",
        # There is one IAM for all regions, but requests to an endpoint that somebody names are signed for one.
        region_name=session.region_name or "us-east-1",
        endpoint_url=endpoint,
        verify=None if verify is True else verify,  # None: as AWS's own variables say
        config=hook.patience(),
    )
    try:
        keys: list[dict[str, Any]] = client.list_access_keys()["AccessKeyMetadata"]
    finally:
        client.close()
    return keys


def _asked(hook: S3DatasourceHook, call: Callable[[], T]) -> T | None:
    """What a call returns; ``None`` if AWS does not let the key in; any other failure in our words."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "no reason"))
    except BotoCoreError as error:
        code = f"{type(error).__name__}; check the network"
    # Outside of the handlers, because AWS's errors name the key and its user.
    if code in ("InvalidClientTokenId", "UnrecognizedClientException"):
        return None
    raise _failure(hook, code)


def _failure(hook: S3DatasourceHook, code: str) -> LightlyError:
    if code in ("AccessDenied", "AccessDeniedException"):
        return ValidityUnknown(_KIND, "IAM does not tell how old the key is (AccessDenied)", _NEEDED)
    if code == "SignatureDoesNotMatch":
        return hook.wrong("AWS refuses the key's signature; check the secret (password), or this machine's clock")
    return StorageError(f"connection {hook.connection.conn_id!r}: IAM cannot be asked how old the key is ({code})")
