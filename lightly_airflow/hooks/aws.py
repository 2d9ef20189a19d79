"""What the hooks for ``aws`` connections share: the connection is read as the Amazon provider reads it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.hooks.datasource import DatasourceHook, hide

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
    from botocore.config import Config

M = TypeVar("M", bound=BaseModel)
DELEGATED_ACCESS = "https://docs.lightly.ai/docs/aws-s3"
_INSTEAD = f"use a long-lived access key, or delegated access: {DELEGATED_ACCESS}"
_UNVERIFIED = "Connection %s does not verify TLS certificates here; LightlyOne does not learn of it"
# Which of LightlyOne's patterns was broken, in words. The values stay out of them: one is half a secret.
_RULES = {
    "s3_arn": "role_arn must look like arn:aws:iam::123456789012:role/name; LightlyOne takes no other partition than aws",
    "s3_external_id": "the external id must have at least 10 characters, of letters, digits and _+=,.@:/- alone",
    "obs_endpoint": "the endpoint must begin with https:// or http://",
}
_KMS_RULE = (
    "server_side_encryption_kms_key must be the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/id;"
    " LightlyOne takes no alias and no other partition than aws"
)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-lived access key, hidden from ``repr``."""

    id: str = field(repr=False)
    secret: str = field(repr=False)


class AwsHook(DatasourceHook):
    """Reads ``aws`` connections: login and password, or the extra's keys, are the access key."""

    extra = "amazon"

    @cached_property
    def aws(self) -> AwsConnectionWrapper:
        """The connection as the Amazon provider sees it. Its ``repr`` shows the secret: it belongs in no message."""
        try:
            from airflow.providers.amazon.aws.utils.connection_wrapper import AwsConnectionWrapper
        except ImportError:
            raise self.missing_extra() from None
        aws = AwsConnectionWrapper(self.connection)
        hide(aws.aws_access_key_id, aws.aws_secret_access_key, aws.aws_session_token)
        return aws

    @cached_property
    def access_key(self) -> AccessKey:
        """The connection's access key; raises :class:`LightlyConfigError` for what LightlyOne cannot use instead."""
        if self.aws.aws_session_token:
            raise self.wrong(
                "temporary credentials (aws_session_token) cannot be given to LightlyOne, whose S3 datasources have no"
                f" field for a session token; {_INSTEAD}"
            )
        if self.aws.profile_name:
            raise self.wrong(f"profile_name leads to files that LightlyOne cannot read; {_INSTEAD}")
        if self.extras("config_kwargs").get("signature_version") == "unsigned":
            raise self.wrong(f"LightlyOne has no anonymous access (signature_version unsigned); {_INSTEAD}")
        if not (self.aws.aws_access_key_id and self.aws.aws_secret_access_key):
            raise self.wrong("no access key; put its id into login and the secret into password")
        return AccessKey(self.aws.aws_access_key_id, self.aws.aws_secret_access_key)

    @property
    def endpoint_url(self) -> str | None:
        """The endpoint of a store that is not AWS's own, found as Airflow's own S3 hook finds it."""
        return self.aws.get_service_endpoint_url("s3")

    @property
    def verify(self) -> bool | str:
        """Whether TLS certificates are verified, or the path of a CA bundle, as in the extra. LightlyOne learns of neither.

        :raises LightlyConfigError: the bundle is none.
        """
        given = "true" if self.aws.verify is None else str(self.aws.verify)
        if given.lower() == "true":
            return True
        if given.lower() == "false":  # an extra in a connection URI is always a string
            self.log.warning(_UNVERIFIED, self.connection.conn_id)
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(given)
        except OSError:
            raise self.wrong(f"verify names {given}, which is no file with CA certificates on this machine") from None
        return given

    def patience(self) -> Config:
        """Somebody waits for the answer: AWS is not asked for minutes. The connection's own settings come first."""
        from botocore.config import Config

        brief = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})
        return brief.merge(self.aws.botocore_config) if self.aws.botocore_config else brief

    def extras(self, name: str) -> dict[str, Any]:
        """A nested object of the connection's extra; empty if it is not there."""
        return self.connection.extra_dejson.get(name) or {}

    def made(self, model: type[M], **fields: Any) -> M:
        """The datasource; raises :class:`LightlyConfigError` that says which rule a value breaks."""
        try:
            return model(**fields)
        except ValidationError as error:
            broken = str(error.errors(include_input=False)[0]["loc"][0])
        if broken == "s3_server_side_encryption_kms_key":
            raise LightlyConfigError(_KMS_RULE)
        raise self.wrong(_RULES.get(broken, f"{broken} is not what LightlyOne takes"))
