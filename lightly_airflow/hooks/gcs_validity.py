"""Until when the key of a ``google_cloud_platform`` connection works: IAM tells its end and its age, if the key may ask."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lightly_airflow.contract.errors import LightlyError
from lightly_airflow.hooks.datasource import hide
from lightly_airflow.hooks.gcs import GcsDatasourceHook
from lightly_airflow.hooks.validity import last_four
from lightly_airflow.storage.clouds.gcs_session import ask_google, google_session
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.validity import Validity, ValidityUnknown, key_validity

if TYPE_CHECKING:
    from airflow.sdk import Connection

IAM = "https://iam.googleapis.com"
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_KIND = "Google service account key"
# As https://cloud.google.com/iam/docs/keys-list-get says.
_NEEDED = (
    "iam.serviceAccountKeys.get on the service account itself, which the role View Service Accounts"
    " (roles/iam.serviceAccountViewer) has"
)


class _Gone(Exception):
    """The key does not work any more; says how that is known, with ``{}`` for what messages call it."""


def gcs_validity(connection: Connection, max_key_age_days: float | None) -> Validity:
    """Google ends keys where an organization wants it so; most have no end, and are used no longer than
    ``max_key_age_days``.

    https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys/get

    :raises LightlyConfigError: the connection holds nothing that LightlyOne could use.
    :raises ValidityUnknown: the key may not ask.
    :raises StorageError: IAM or the token service failed to answer, or cannot be reached.
    :raises AirflowOptionalProviderFeatureException: the package that speaks to them is not installed.
    """
    hook = GcsDatasourceHook(connection)
    which = f"the key {last_four(_key_id(hook))} of {hook.key['client_email']}"
    try:
        told = _ask(hook)
    except _Gone as reason:
        return Validity(_KIND, str(reason).format(which), gone=True)
    if told.get("disabled"):
        return Validity(_KIND, f"IAM has disabled {which}", gone=True)
    made, end = (datetime.fromisoformat(told[name]) for name in ("validAfterTime", "validBeforeTime"))
    return key_validity(_KIND, which, made, end, max_key_age_days)


def _key_id(hook: GcsDatasourceHook) -> str:
    """The key's id, masked in logs, where it would stand in a URL."""
    key_id = hook.key.get("private_key_id")
    if not key_id:
        raise hook.wrong("the key file lacks private_key_id; take the file as Google made it")
    hide(key_id)
    return str(key_id)


def _ask(hook: GcsDatasourceHook) -> dict[str, Any]:
    """What IAM tells of the key; its failures in our words."""
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials
    from requests import HTTPError, RequestException

    owner = Credentials.from_service_account_info(hook.key, scopes=_SCOPES)  # type: ignore[no-untyped-call]
    try:
        with google_session(owner) as session:
            return ask_google(session, _address(hook), {})
    except HTTPError as error:
        failure = _refusal(hook, error.response.status_code, error.response.text)
    except RequestException as error:
        failure = _unanswered(hook, f"IAM cannot be reached; check the network ({type(error).__name__})")
    except GoogleAuthError as error:
        failure = _no_token(hook, f"{type(error).__name__}: {error}")
    # Outside of the handlers, because those errors hold the URL with the key's id.
    raise failure


def _address(hook: GcsDatasourceHook) -> str:
    # With "-" for the project, IAM answers 403 also where a key is not there.
    project, email, key_id = (
        quote(str(hook.key.get(name) or "-"), safe="@") for name in ("project_id", "client_email", "private_key_id")
    )
    return f"{IAM}/v1/projects/{project}/serviceAccounts/{email}/keys/{key_id}"


def _refusal(hook: GcsDatasourceHook, status: int, text: str) -> Exception:
    if status == 404:
        return _Gone("IAM does not know {} (any more)")
    if status != 403:
        return _unanswered(hook, f"IAM answered {status}")
    project = hook.key.get("project_id") or "of the service account"
    off = f"the IAM API in the project {project}: gcloud services enable iam.googleapis.com"
    needed = off if "SERVICE_DISABLED" in text else _NEEDED
    return ValidityUnknown(_KIND, "IAM does not tell until when the key is valid (403)", needed)


def _no_token(hook: GcsDatasourceHook, text: str) -> Exception:
    """Why the token service gives none, as https://cloud.google.com/iam/docs/troubleshooting-service-accounts tells."""
    if "account not found" in text:
        return _Gone("Google does not take {}: the service account does not exist (any more)")
    if "short-lived token" in text:
        return _unanswered(hook, "this machine's clock is wrong, so that Google refuses the key")
    if "invalid_grant" in text:
        return _Gone("Google does not take {} (any more): it was deleted or disabled, or has ended")
    return _unanswered(hook, f"Google's token service cannot be reached; check the network ({text.partition(':')[0]})")


def _unanswered(hook: GcsDatasourceHook, why: str) -> LightlyError:
    return StorageError(
        f"connection {hook.connection.conn_id!r}: IAM cannot be asked until when the key is valid: {why}"
    )
