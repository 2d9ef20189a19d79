"""Where LightlyOne is and how to reach it: what both transports are made from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from lightly_airflow import __version__
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.wire import Request, Response

DEFAULT_API_URL = "https://api.lightly.ai"
DEFAULT_APP_URL = "https://app.lightly.ai"
# LightlyOne's own client waits three minutes; verification of a large bucket may take most of one.
DEFAULT_TIMEOUT = 60.0
USER_AGENT = f"lightly-airflow/{__version__}"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """One LightlyOne account, as one connection tells it.

    :param token: API token; hidden from ``repr``.
    :param api_url: scheme, host and port, without a trailing slash.
    :param app_url: the web app's address, for links.
    :param verify: ``True`` | ``False`` | path of a CA bundle.
    :param proxy: URL of a proxy, hidden from ``repr`` because it may hold a password.
    :param timeout: seconds for connecting, and for each read.
    """

    token: str = field(repr=False)
    api_url: str = DEFAULT_API_URL
    app_url: str = DEFAULT_APP_URL
    verify: bool | str = True
    proxy: str | None = field(default=None, repr=False)
    timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        if not self.token:
            raise LightlyConfigError("the lightly connection has no API token; put it into the password field")
        for name in ("api_url", "app_url"):
            if not _is_http(getattr(self, name)):
                raise LightlyConfigError(f"the lightly connection's {name} must look like {DEFAULT_API_URL}")

    def url(self, request: Request) -> str:
        """The address to ask, token included; an absolute one (a signed file) as it stands, without the token."""
        if is_absolute(request):
            return request.path
        query = urlencode([*request.query, ("token", self.token)], quote_via=quote)
        return f"{self.api_url}{request.path}?{query}"

    def run_url(self, scheduled_run_id: str) -> str:
        """The address of a run's page in the web app."""
        return f"{self.app_url}/compute/runs?{urlencode({'scheduledRunId': scheduled_run_id})}"

    def response(self, status: int, body: bytes, headers: Mapping[str, str]) -> Response:
        """A library's answer as ours. An error's body loses the token, should a server or proxy echo the request."""
        if status >= 300:
            for form in {self.token, quote(self.token, safe=""), quote(self.token)}:
                body = body.replace(form.encode(), b"***")
        return Response(status, body, {name.lower(): value for name, value in headers.items()})

    def host_of(self, request: Request) -> str:
        """Scheme, host and port of a request: what a message may name."""
        parts = urlsplit(request.path if is_absolute(request) else self.api_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def trust(self) -> bool | str:
        """What to verify TLS against, for both transports: the connection, else the usual CA bundle variables."""
        usual = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        found = usual if self.verify is True else self.verify
        if isinstance(found, str) and not Path(found).is_file():
            raise LightlyConfigError(f"there is no CA bundle {found}; correct the lightly connection's ca_bundle")
        return found


def is_absolute(request: Request) -> bool:
    """Whether a request goes to a signed URL rather than to the API. Only a path is the API's, so only it gets the token."""
    return not request.path.startswith("/")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return False


def headers(request: Request) -> dict[str, str]:
    """The headers that both transports send."""
    told = {"Accept": "application/json", "User-Agent": USER_AGENT}
    if request.body is not None:
        told["Content-Type"] = "application/json"
    return told
