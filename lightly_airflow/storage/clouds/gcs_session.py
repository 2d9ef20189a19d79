"""Requests to Google's JSON APIs, with a service account's token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightly_airflow.storage.clouds.gcs import token_request

if TYPE_CHECKING:
    from requests import PreparedRequest, Session

_TIMEOUT = (5, 30)  # seconds to connect, and between two pieces of an answer
# What https://cloud.google.com/storage/docs/retry-strategy calls retryable.
_RETRIED = (408, 429, 500, 502, 503, 504)


@contextmanager
def google_session(owner: Any) -> Iterator[Session]:
    """A session that sends the service account's token with each request, a new one when it gets old.

    :param owner: the service account, as google-auth's ``Credentials``.
    """
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(total=3, connect=1, backoff_factor=0.2, status_forcelist=_RETRIED, raise_on_status=False)
    with Session() as session:
        session.auth = _signing(owner)
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        yield session


def ask_google(session: Session, url: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a GET; raises the errors of requests and google-auth, which hold the URL."""
    answer = session.get(url, params=query, timeout=_TIMEOUT, allow_redirects=False)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _signing(owner: Any) -> Callable[[PreparedRequest], PreparedRequest]:
    """google-auth's own session would also ask iamcredentials.googleapis.com, which a firewall need not let through, and
    warn."""
    request = token_request()

    def sign(prepared: PreparedRequest) -> PreparedRequest:
        if not owner.valid:
            owner.refresh(request)
        prepared.headers["Authorization"] = f"Bearer {owner.token}"
        return prepared

    return sign
