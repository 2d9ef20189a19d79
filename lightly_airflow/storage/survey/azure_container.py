"""The requests to Azure that obstore does not offer. The SAS token is in their URLs, so no URL leaves this file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import responses
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from lightly_airflow.contract.hiding import HideSecrets
from lightly_airflow.contract.models.datasources import AzureConfig
from lightly_airflow.storage.clouds.azure import CAUSES, foreign_endpoint
from lightly_airflow.storage.directory import StorageError, cause
from lightly_airflow.storage.paths import parse_resource_path
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.sas import sas_query

THREADS = 16
# The version that obstore speaks; a blob's own expiry time, tags and encoded names are older.
_VERSION = {"x-ms-version": "2023-11-03"}
_TIMEOUT = (5, 10)  # seconds, to connect and for each piece of an answer; as in clouds/azure.py
_RETRY = Retry(total=2, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False)


class Container:
    """A datasource's container, opened with its SAS token.

    :param session: sends the requests.
    :param config: the datasource, with its real token.
    :param reach: how to reach the storage.
    """

    def __init__(self, session: requests.Session, config: AzureConfig, reach: Reach) -> None:
        self.path = parse_resource_path(config.full_path, "azure")
        self.account = config.account_name
        account = foreign_endpoint(reach) or f"https://{config.account_name}.blob.core.windows.net"
        self._session, self._url = session, f"{account.rstrip('/')}/{self.path.bucket}"
        self._token = sas_query(config.account_key.get_secret_value())

    def get(self, action: str, key: str = "", **query: str) -> requests.Response:
        """An answer, whatever it says.

        :param action: what the request is for, such as ``list container/dir/``.
        :param key: of a blob; empty for the container itself.
        :param query: of the URL.
        :raises StorageError: no answer came.
        """
        url = f"{self._url}/{quote(key)}" if key else self._url
        asked = urlencode(query, quote_via=quote)
        try:
            return self._session.get(f"{url}?{asked}&{self._token}", timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            told = _told(error)
        # Outside of the handler, because an exception remembers another in whose handler it was raised.
        raise StorageError(f"cannot {action}: {cause(told, CAUSES, self.path)}")

    def refusal(self, action: str, answer: requests.Response) -> StorageError:
        """What an answer other than 200 means."""
        told = f"{answer.status_code} {responses.get(answer.status_code, '')} {answer.text}"
        return StorageError(f"cannot {action}: {cause(told, CAUSES, self.path)}")

    def unreadable(self, action: str) -> StorageError:
        """For an answer of 200 that is no answer of Azure's."""
        return StorageError(f"cannot {action}: the answer cannot be read; check the endpoint")


@contextmanager
def open_container(config: AzureConfig, reach: Reach) -> Iterator[Container]:
    """The container of a datasource; its connections are closed afterwards."""
    HideSecrets.install()
    with requests.Session() as session:
        session.headers.update(_VERSION)
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=_RETRY, pool_maxsize=THREADS))
        yield Container(session, config, reach)


def _told(error: requests.RequestException) -> str:
    """The kind of failure, in the words that :func:`cause` knows from obstore."""
    reason = getattr(error.args[0] if error.args else None, "reason", None) or error
    kind = type(reason).__name__
    if "Timeout" in kind:
        return "kind: Timeout"
    return "dns error" if kind == "NameResolutionError" else "error sending request"
