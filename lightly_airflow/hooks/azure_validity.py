"""Until when the credentials of a ``wasb`` connection work: a SAS token says so itself, an account key never runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightly_airflow.hooks.azure import AzureDatasourceHook
from lightly_airflow.storage.validity import Validity, sas_validity

if TYPE_CHECKING:
    from airflow.sdk import Connection

_ACCOUNT_KEY = (
    "each task that sets a datasource makes a new SAS token of it for LightlyOne, which lives for that task's sas_lifetime, so"
    " set the datasource more often than that"
)


def azure_validity(connection: Connection, max_key_age_days: float | None) -> Validity:
    """Nothing is asked: how old an account key is stands in no answer of Azure's storage.

    :raises LightlyConfigError: the connection holds nothing that LightlyOne could use, or a token without a time.
    :raises ValidityUnknown: the token's time stands in a stored access policy.
    """
    hook = AzureDatasourceHook(connection)
    token = hook.credentials.sas_token
    if not token:
        return Validity("Azure account key", _ACCOUNT_KEY)
    found = sas_validity(token)
    if found is None:
        raise hook.wrong("the SAS token does not do: its expiry (se) is missing or cannot be read. Make a new one")
    return found
