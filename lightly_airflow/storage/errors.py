"""A bucket's refusals in words. obstore's own messages carry URLs and server answers: they go no further than here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lightly_airflow.contract.errors import LightlyError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# First match wins. Codes are those of S3's error documents; the last rows are obstore's own words.
_CAUSES: tuple[tuple[str, str], ...] = (
    (r"<Code>NoSuchBucket<", "the bucket {bucket!r} does not exist"),
    (r"<Code>InvalidAccessKeyId<", "the access key id is unknown; check the key or whether it was rotated"),
    (r"<Code>SignatureDoesNotMatch<", "the secret access key does not belong to the access key id"),
    (r"<Code>(ExpiredToken|InvalidToken)<", "the credentials have expired or are not valid"),
    (r"<Code>AccessDenied<", "access denied; the credentials lack the permission"),
    (r"<Code>(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint\w*)<",
     "the bucket {bucket!r} is in another region than the one given"),
    (r"<Code>NoSuchKey<|404 Not Found", "the object does not exist"),
    (r"40[13] (Unauthorized|Forbidden)", "access denied; check the credentials and their permissions"),
    (r"\bInvalidPath\b", "an object's name has an empty, '.' or '..' part and cannot be read; rename it"),
    (r"kind: Timeout", "no answer in time; check the network and the endpoint"),
    (r"error sending request", "the storage cannot be reached; check the network and the endpoint"),
)  # fmt: skip
_OTHER = "the storage failed to answer"


class StorageError(LightlyError):
    """A bucket refused or could not be reached; says which place and why, without URL and credentials."""


def location(store: ObjectStore) -> str:
    """Where a store lies, as ``s3://bucket/dir/``; what messages name."""
    prefix = str(getattr(store, "prefix", None) or "").strip("/")
    return f"s3://{_bucket(store)}/{prefix and prefix + '/'}"


def cause(error: BaseException, store: ObjectStore) -> str:
    """Why an operation on the store failed, as half a sentence."""
    text = str(error)
    words = next((words for pattern, words in _CAUSES if re.search(pattern, text)), _OTHER)
    return words.format(bucket=_bucket(store))


@contextmanager
def explained(store: ObjectStore, action: str) -> Iterator[None]:
    """Turn obstore's errors into :class:`StorageError`.

    :param action: what was tried, such as ``list s3://bucket/dir/``.
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError) as error:
        # "from None": a chained obstore error would bring its URL into every traceback.
        raise StorageError(f"cannot {action}: {cause(error, store)}") from None


def _bucket(store: ObjectStore) -> str:
    return str(getattr(store, "config", {}).get("bucket", ""))
