"""Resource paths: where a datasource's directory lies. Pure; forms as in https://docs.lightly.ai/docs/cloud-storage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from lightly_airflow.contract.errors import LightlyConfigError

Scheme = Literal["s3", "gs", "obs", "azure", "local"]


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """A directory in a bucket.

    :param scheme: ``s3``, ``gs``, ``obs``; or ``azure`` and ``local``, whose paths are written without a scheme.
    :param bucket: bucket, or Azure's container; empty for a local disk.
    :param prefix: the directory as ``dir/sub/``; empty for the whole bucket.
    """

    scheme: Scheme
    bucket: str
    prefix: str

    def __str__(self) -> str:
        if self.scheme == "local":
            return self.prefix or "./"
        start = "" if self.scheme == "azure" else f"{self.scheme}://"
        return f"{start}{self.bucket}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of storage writes its paths: its name, an example, and what its bucket names look like."""

    storage: str
    example: str
    bucket: re.Pattern[str]


# Looser than today's rules for new buckets, because old buckets keep their names.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_CONTAINER = re.compile(r"\$root|\$web|[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_AZURE_START = re.compile(r"^(azure|wasbs?)://")
_FORMS: dict[str, _Form] = {
    "s3": _Form("S3", "s3://bucket/dir/", _BUCKET),
    "gs": _Form("Google Cloud Storage", "gs://bucket/dir/", _BUCKET),
    "obs": _Form("OBS", "obs://bucket/dir/", _BUCKET),
    "azure": _Form("Azure", "container/dir/", _CONTAINER),
}


def parse_resource_path(text: str, scheme: Scheme | None = None) -> ResourcePath:
    """Read a resource path; a missing slash at its end is added.

    :param text: such as ``s3://bucket/dir/``; Azure's form is ``container/dir/``.
    :param scheme: which kind of storage it has to be; by default the text itself tells.
    :raises LightlyConfigError: the text is no such path; the message shows the form that is.
    """
    start, separator, rest = text.partition("://")
    found, rest = (start, rest) if separator else ("azure", text)
    if found not in _FORMS or found != (scheme or found):
        raise _refusal(text, scheme)
    bucket, _, directory = rest.partition("/")
    parts = directory.removesuffix("/").split("/") if directory else []
    if not _FORMS[found].bucket.fullmatch(bucket) or not all(map(_is_name, parts)):
        raise _refusal(text, found)
    return ResourcePath(cast("Scheme", found), bucket, "".join(f"{part}/" for part in parts))


def parse_local_path(text: str) -> ResourcePath:
    """Read a path on a disk that is mounted into the worker; a missing slash at its end is added.

    :param text: such as ``dir/``, relative to the mount; empty for all of it.
    :raises LightlyConfigError: the text is no such path; the message shows the form that is.
    """
    parts = text.removesuffix("/").split("/") if text else []
    if "://" in text or not all(map(_is_name, parts)):
        raise LightlyConfigError(f"{_shown(text)} is no local path; write dir/, relative to the worker's mount")
    return ResourcePath("local", "", "".join(f"{part}/" for part in parts))


def parse_azure_path(text: str) -> tuple[ResourcePath, str | None]:
    """Read an Azure path in any of the ways in which tools write it, and the storage account that it names, if any.

    :param text: ``container/dir/``, ``azure://container/dir/``, ``wasb://container/dir/`` or
        ``wasbs://container@account.blob.core.windows.net/dir/``.
    :raises LightlyConfigError: the text is no such path; the message shows the form that is.
    """
    place, slash, directory = _AZURE_START.sub("", text).partition("/")
    container, _, host = place.partition("@")
    if not _CONTAINER.fullmatch(container):
        raise _refusal(text, "azure")
    account = host.partition(".")[0] or None
    return parse_resource_path(f"{container}{slash}{directory}", "azure"), account


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and part == part.strip()


def _refusal(text: str, scheme: str | None) -> LightlyConfigError:
    forms = [_FORMS[scheme]] if scheme else list(_FORMS.values())
    kinds, examples = " or ".join(form.storage for form in forms), " or ".join(form.example for form in forms)
    return LightlyConfigError(f"{_shown(text)} is no {kinds} path; write {examples}")


def _shown(text: str) -> str:
    # Connections are also written as URIs with the secret before an @; one pasted here must not be repeated.
    return "the given path" if "@" in text else repr(text)
