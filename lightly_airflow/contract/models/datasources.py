"""Datasources: where a dataset's data lives, with the credentials that reach it. One variant a kind of storage."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lightly_airflow.contract.models.base import AnswerModel, Id, RequestModel, Seconds, Secret

Purpose = Literal["INPUT", "LIGHTLY", "INPUT_OUTPUT"]
# Spelled LightlyOne's way: the two government regions lack the number that AWS gives them, newer ones are absent.
S3Region = Literal[
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-east-1", "ap-south-1", "ap-south-2",
    "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ca-central-1", "cn-northwest-1", "eu-central-1", "eu-central-2", "eu-west-1", "eu-west-2",
    "eu-west-3", "eu-south-1", "eu-south-2", "eu-north-1", "me-south-1", "me-central-1", "sa-east-1", "us-gov-east",
    "us-gov-west",
]  # fmt: skip
# Those that LightlyOne spells its own way, with AWS's name of each.
AWS_REGIONS = {"us-gov-east": "us-gov-east-1", "us-gov-west": "us-gov-west-1"}
DEFAULT_THUMB_SUFFIX = ".lightly/thumbnails/[filename]_thumb.[extension]"
KmsKey = Annotated[str, Field(min_length=1, pattern=r"^arn:aws:kms:[a-zA-Z0-9-]*:[0-9]{12}:key.+$")]
HttpUrl = Annotated[str, Field(min_length=1, pattern=r"^https?:\/\/.+$")]
NonEmpty = Annotated[str, Field(min_length=1)]
# Who LightlyOne is to the storage, by wire name: what a rotation replaces. The other fields say where the data is and how
# it is used.
CREDENTIALS = frozenset(
    {
        "s3AccessKeyId", "s3SecretAccessKey", "s3ExternalId", "s3ARN", "accountKey", "gcsCredentials", "obsAccessKeyId",
        "obsSecretAccessKey",
    }
)  # fmt: skip


class _Datasource(RequestModel):
    """What every kind has. ``thumb_suffix`` ``None`` means no thumbnails: LightlyOne then shows the full images."""

    id: Id | None = None
    purpose: Purpose
    full_path: str
    thumb_suffix: str | None = None


class S3Config(_Datasource):
    """S3 by access key."""

    type: Literal["S3"] = "S3"
    s3_region: S3Region = Field(alias="s3Region")
    s3_access_key_id: Secret = Field(alias="s3AccessKeyId")
    s3_secret_access_key: Secret = Field(alias="s3SecretAccessKey")
    s3_server_side_encryption_kms_key: KmsKey | None = Field(default=None, alias="s3ServerSideEncryptionKMSKey")


class S3DelegatedAccessConfig(_Datasource):
    """S3 by a role that LightlyOne assumes."""

    type: Literal["S3DelegatedAccess"] = "S3DelegatedAccess"
    s3_region: S3Region = Field(alias="s3Region")
    s3_external_id: Annotated[str, Field(min_length=10, pattern=r"^[a-zA-Z0-9_+=,.@:\/-]+$", repr=False)] = Field(
        alias="s3ExternalId"
    )
    s3_arn: Annotated[str, Field(min_length=12, pattern=r"^arn:aws:iam::[0-9]{12}:role.+$")] = Field(alias="s3ARN")
    s3_server_side_encryption_kms_key: KmsKey | None = Field(default=None, alias="s3ServerSideEncryptionKMSKey")


class AzureConfig(_Datasource):
    """Azure Blob Storage. The SAS token travels as ``accountKey``."""

    type: Literal["AZURE"] = "AZURE"
    account_name: NonEmpty
    account_key: Secret


class GcsConfig(_Datasource):
    """Google Cloud Storage. The service account's key file travels as one JSON string."""

    type: Literal["GCS"] = "GCS"
    gcs_project_id: NonEmpty
    gcs_credentials: Secret


class ObsConfig(_Datasource):
    """Open Telekom Cloud's S3-compatible storage."""

    type: Literal["OBS"] = "OBS"
    obs_endpoint: HttpUrl
    obs_access_key_id: Secret
    obs_secret_access_key: Secret


class LocalConfig(_Datasource):
    """A disk that is mounted into the worker; ``full_path`` is relative to the mount."""

    type: Literal["LOCAL"] = "LOCAL"
    web_server_location: HttpUrl | None = None


class LightlyConfig(_Datasource):
    """Storage that LightlyOne keeps itself."""

    type: Literal["LIGHTLY"] = "LIGHTLY"


DatasourceConfig = Annotated[
    S3Config | S3DelegatedAccessConfig | AzureConfig | GcsConfig | ObsConfig | LocalConfig | LightlyConfig,
    Field(discriminator="type"),
]


class VerifyErrors(AnswerModel):
    """Why a permission is missing, in LightlyOne's words."""

    can_read: str | None = None
    can_write: str | None = None
    can_list: str | None = None
    can_overwrite: str | None = None


class VerifyData(AnswerModel):
    """GET .../datasource/verify: one answer for a dataset, INPUT and LIGHTLY together."""

    can_read: bool
    can_write: bool
    can_list: bool
    can_overwrite: bool
    errors: VerifyErrors | None = None


class RawSample(AnswerModel):
    """One object of a listing, with a URL that reads it."""

    file_name: str
    read_url: str = Field(repr=False)


class RawSamples(AnswerModel):
    """A page of a listing; ``cursor`` asks for the next while ``has_more``."""

    has_more: bool
    cursor: str
    data: list[RawSample]


class Cursors(AnswerModel):
    """Where the shards of a divided listing begin."""

    cursors: list[str]


class ProcessedUntil(AnswerModel):
    """Up to when a dataset's inputs were processed, in seconds."""

    processed_until_timestamp: Seconds


class ProcessedUntilRequest(RequestModel):
    """PUT .../datasource/processedUntilTimestamp"""

    processed_until_timestamp: Seconds
