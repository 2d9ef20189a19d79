"""One account's settings: what is refused, what is hidden, which addresses come of them."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.client.settings import ApiSettings, headers, is_absolute
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.wire import Request

SIGNED = Request("GET", "https://user:s3cr3t@bucket.example:9000/a?sig=s3cr3t", "GET (signed file)")
CALL = Request("GET", "/v1/datasets", "GET /v1/datasets", (("a", "b c"),))


@pytest.mark.parametrize("name", ["api_url", "app_url"])
@pytest.mark.parametrize(
    "url",
    ["", "api.lightly.ai", "localhost:8000", "ftp://api.lightly.ai", "https://", "https://:443", "http://[::1",
     "http://host:port", "http://host:70000", "http://host:0"],
)  # fmt: skip
def test_what_is_no_address_is_refused(name: str, url: str) -> None:
    """A mistake in the connection is told before anything is sent."""
    wrong: dict[str, Any] = {name: url}
    with pytest.raises(LightlyConfigError) as caught:
        ApiSettings("token", **wrong)
    assert str(caught.value) == f"the lightly connection's {name} must look like https://api.lightly.ai"


@pytest.mark.parametrize("url", ["http://localhost:8000", "https://lightly.example/base", "http://[::1]:80"])
def test_addresses_of_ones_own_are_taken(url: str) -> None:
    """The emulator, and installations of one's own."""
    assert ApiSettings("token", api_url=url).url(CALL) == f"{url}/v1/datasets?a=b%20c&token=token"


def test_a_missing_token_is_refused() -> None:
    """The message says where in the connection it belongs."""
    with pytest.raises(LightlyConfigError) as caught:
        ApiSettings("")
    assert str(caught.value) == "the lightly connection has no API token; put it into the password field"


def test_secrets_stay_out_of_repr() -> None:
    """Neither the token nor a proxy's password may be seen."""
    assert "s3cr3t" not in repr(ApiSettings("s3cr3t", proxy="http://user:s3cr3t@proxy"))


@pytest.mark.parametrize(
    ("request_", "url", "host"),
    [
        (CALL, "https://api.lightly.ai", "https://api.lightly.ai"),
        (CALL, "http://user:s3cr3t@127.0.0.1:80", "http://127.0.0.1:80"),
        (CALL, "http://[::1]:80", "http://[::1]:80"),
        (SIGNED, "https://api.lightly.ai", "https://bucket.example:9000"),
    ],
)
def test_messages_may_name_scheme_host_and_port(request_: Request, url: str, host: str) -> None:
    """Nothing that precedes or follows them, because both may be secret."""
    assert ApiSettings("token", api_url=url).host_of(request_) == host


def test_signed_urls_stand_as_they_are() -> None:
    """An absolute address is no call of the API."""
    assert is_absolute(SIGNED)
    assert ApiSettings("token").url(SIGNED) == SIGNED.path


def test_only_bodies_have_a_type() -> None:
    """The content type is sent with content."""
    assert "Content-Type" not in headers(CALL)
    assert headers(Request("PUT", "/", "PUT /", body=b"{}"))["Content-Type"] == "application/json"


def test_a_run_has_a_page() -> None:
    """The web app's page of a scheduled run."""
    assert ApiSettings("t").run_url("a b") == "https://app.lightly.ai/compute/runs?scheduledRunId=a+b"


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"a t/k t%2Fk"), (302, b"a *** ***"), (400, b"a *** ***"), (503, b"a *** ***")]
)
def test_an_error_does_not_echo_the_token(status: int, body: bytes) -> None:
    """A file's own bytes are left alone; what may become a message is scrubbed."""
    response = ApiSettings("t/k").response(status, b"a t/k t%2Fk", {"Retry-After": "1"})
    assert (response.body, response.headers) == (body, {"retry-after": "1"})
