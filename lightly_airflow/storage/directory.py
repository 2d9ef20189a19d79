"""A datasource's directory: an obstore store, what messages call it, and what its refusals mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.storage.paths import ResourcePath

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# What every kind of storage says through obstore; each cloud's own causes come before these.
_CAUSES: tuple[tuple[str, str], ...] = (
    (r"404 Not Found", "the object does not exist"),
    (r"40[13] (Unauthorized|Forbidden)", "access denied; check the credentials and their permissions"),
    (r"\bInvalidPath\b", "an object's name has an empty, '.' or '..' part and cannot be read; rename it"),
    (
        r"\bInvalidCertificate\(",
        (
            "the storage's TLS certificate is not trusted here; name the file of your own authority in an aws connection's"
            " verify, or in SSL_CERT_FILE"
        ),
    ),
    (r"kind: Timeout", "no answer in time; check the network and the endpoint"),
    (r"error sending request", "the storage cannot be reached; check the network and the endpoint"),
)
_OTHER = "the storage failed to answer"


class StorageError(LightlyError):
    """A bucket refused or could not be reached; says which place and why, without URL and credentials."""


@dataclass(frozen=True)
class Directory:
    """Where a datasource's objects lie, opened with its credentials.

    :param store: rooted at the directory; hidden from ``repr``, since it knows the credentials.
    :param path: what messages call it.
    :param causes: the cloud's own refusals: (pattern in obstore's message, what it means as half a sentence, in which
        ``{bucket}`` stands for the bucket); the first match wins.
    :param present: whether the directory is there, for storages that have real directories; by default it is where an
        object lies in it.
    """

    store: ObjectStore = field(repr=False)
    path: ResourcePath
    causes: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    present: Callable[[], bool] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return str(self.path)

    @contextmanager
    def explained(self, action: str) -> Iterator[None]:
        """Turns obstore's errors into :class:`StorageError`. Its own carry URLs and go no further than here.

        :param action: what was tried, such as ``list s3://bucket/dir/``.
        """
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            # "from None": a chained obstore error would bring its URL into every traceback.
            raise StorageError(f"cannot {action}: {cause(str(error), self.causes, self.path)}") from None


def cause(text: str, causes: tuple[tuple[str, str], ...], path: ResourcePath) -> str:
    """What a storage's refusal means, as half a sentence.

    :param text: the refusal, in obstore's form; it may hold a URL, and nothing of it comes back.
    :param causes: the cloud's own, which come before those that all have.
    :param path: the directory.
    """
    words = next((words for pattern, words in (*causes, *_CAUSES) if re.search(pattern, text)), _OTHER)
    return words.format(bucket=path.bucket)
