"""How objects expire in Google Cloud Storage: rules by one request, objects with their facts by a listing.

Both through Google's JSON API, because obstore's listing tells names, sizes and times alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import numpy as np
from google.auth.exceptions import GoogleAuthError
from requests import HTTPError, JSONDecodeError, RequestException, Response, Timeout

from lightly_airflow.contract.models.datasources import GcsConfig
from lightly_airflow.storage.clouds.gcs import CAUSES, credentials, endpoint
from lightly_airflow.storage.clouds.gcs_session import ask_google, google_session
from lightly_airflow.storage.directory import StorageError, cause
from lightly_airflow.storage.lifecycle.columns import NEVER, Array, Objects, text_column, time_column
from lightly_airflow.storage.lifecycle.expiry import Expiry, Rules
from lightly_airflow.storage.lifecycle.gcs import GcsRules, gcs_rules
from lightly_airflow.storage.paths import ResourcePath, parse_resource_path
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.survey.inputs import RulesUnknown

_GOOGLE = "https://storage.googleapis.com"
_FACTS = "name,size,timeCreated,customTime,storageClass,temporaryHold,eventBasedHold,retentionExpirationTime,retention"
_PAGE = 1000  # the most that Google returns in one answer


def read_rules(config: GcsConfig, reach: Reach) -> GcsRules:
    """The bucket's rules and its retention policy, which are fields of its resource.

    https://cloud.google.com/storage/docs/json_api/v1/buckets/get needs ``storage.buckets.get``, which LightlyOne itself does
    not need. Of the roles for single buckets, Storage Legacy Bucket Reader has it and changes nothing:
    https://cloud.google.com/storage/docs/access-control/iam-roles.

    :raises RulesUnknown: the service account lacks that permission.
    :raises StorageError: the bucket is not there, or cannot be reached.
    """
    path = parse_resource_path(config.full_path, "gs")
    with _explained(f"read the lifecycle rules of {path}", path), google_session(credentials(config)) as session:
        try:
            return gcs_rules(ask_google(session, _address(path, reach), {"fields": "lifecycle,retentionPolicy"}))
        except HTTPError as error:
            if error.response.status_code != 403:
                raise
    raise RulesUnknown(
        f"the lifecycle rules of the bucket {path.bucket!r} may not be read: that needs storage.buckets.get on"
        f" gs://{path.bucket}, which the role Storage Legacy Bucket Reader has"
    )


def list_columns(config: GcsConfig, reach: Reach) -> Iterator[Objects]:
    """Everything in a directory, an answer of Google at a time.

    https://cloud.google.com/storage/docs/json_api/v1/objects/list; needs ``storage.objects.list``.

    :raises StorageError: the listing was refused, or broke off.
    """
    path = parse_resource_path(config.full_path, "gs")
    query = {"prefix": path.prefix, "fields": f"items({_FACTS}),nextPageToken", "maxResults": str(_PAGE)}
    with _explained(f"list {path}", path), google_session(credentials(config)) as session:
        while True:
            answer = ask_google(session, f"{_address(path, reach)}/o", query)
            if answer.get("items"):
                yield _objects(path.prefix, answer["items"])
            if "nextPageToken" not in answer:
                return
            query["pageToken"] = answer["nextPageToken"]


def ask(config: GcsConfig, reach: Reach, rules: Rules, objects: Objects, now: int) -> Expiry:
    """Never called: no rule of Google's is in doubt."""
    return rules.expiry(objects, now)


def _objects(root: str, items: list[dict[str, Any]]) -> Objects:
    created = _times([one["timeCreated"] for one in items], NEVER)
    policy = _times([one.get("retentionExpirationTime") for one in items], 0)
    own = _times([(one.get("retention") or {}).get("retainUntilTime") for one in items], 0)
    facts = {
        "created": created,
        "custom_time": _times([one.get("customTime") for one in items], NEVER),
        "storage_class": text_column([one.get("storageClass", "STANDARD") for one in items]),
        "held": np.array([bool(one.get("temporaryHold") or one.get("eventBasedHold")) for one in items]),
        "kept_until": np.maximum(policy, own),
    }
    names = text_column([one["name"][len(root) :] for one in items])
    # An object's content is never changed; one that is written anew is created anew.
    return Objects(root, names, time_column([int(one["size"]) for one in items]), created, facts)


def _times(values: list[str | None], absent: int) -> Array:
    """Times such as ``2026-01-02T03:04:05.678Z``, all at once; digits beyond microseconds are left out."""
    if not any(values):  # as most columns are
        return np.full(len(values), absent, np.int64)
    moments = np.array([value[:26].rstrip("Z") if value else "NaT" for value in values], dtype="datetime64[us]")
    return np.where(np.isnat(moments), absent, moments.astype(np.int64))


def _address(path: ResourcePath, reach: Reach) -> str:
    return f"{(endpoint(reach) or _GOOGLE).rstrip('/')}/storage/v1/b/{quote(path.bucket, safe='')}"


@contextmanager
def _explained(action: str, path: ResourcePath) -> Iterator[None]:
    """Turns the errors of requests and google-auth into :class:`StorageError`, in the words in which obstore's are told."""
    try:
        yield
    except HTTPError as error:
        text = _refusal(error.response)
    except Timeout:
        text = "kind: Timeout"
    except JSONDecodeError:
        text = "the answer is no JSON"
    except RequestException:
        text = "error sending request"
    except GoogleAuthError as error:
        text = f"credential provider: {type(error).__name__}: {error}"
    else:
        return
    raise StorageError(f"cannot {action}: {cause(text, CAUSES, path)}")


def _refusal(answer: Response) -> str:
    # Nothing but a bucket is asked for, so nothing else can be missing.
    return (
        "<Code>NoSuchBucket<" if answer.status_code == 404 else f"{answer.status_code} {answer.reason}: {answer.text}"
    )
