"""Both transports against real sockets: the same answers, and the same names for the same faults."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from lightly_airflow.client.transports import HttpxTransport, RequestsTransport
from lightly_airflow.contract.errors import LightlyConfigError, error_from
from lightly_airflow.contract.wire import Request, Response
from tests.client import servers
from tests.client.asking import GET, QUOTED, SECRET, TOKEN, Ask, answer, everything_about, fault, settings
from tests.client.servers import HttpServer, http_server, raw_server


def test_an_answer_comes_back_whole(ask: Ask, server: HttpServer) -> None:
    """Status, body, and headers in lower case."""
    response = ask(settings(server.url), GET)
    assert (response.status, response.body, response.headers["x-kind"]) == (200, b"fine", "Good")


def test_the_request_arrives_as_it_was_meant(ask: Ask, server: HttpServer) -> None:
    """Path and query keep their quoting; the token comes last, quoted."""
    ask(settings(server.url), GET)
    (seen,) = server.seen
    assert seen.target == f"/v1/things/a%2Fb?states=A%26B&states=C&token={QUOTED}"
    assert parse_qsl(urlsplit(seen.target).query)[-1] == ("token", TOKEN)
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["user-agent"].startswith("lightly-airflow/")
    assert not {"authorization", "content-type", "cookie"} & set(seen.headers)


def test_a_body_arrives_as_json(ask: Ask, server: HttpServer) -> None:
    """Bytes as they are, with their type."""
    ask(settings(server.url), Request("POST", "/v1/things", "POST /v1/things", body=b'{"a":1}'))
    (seen,) = server.seen
    assert (seen.method, seen.body, seen.headers["content-type"]) == ("POST", b'{"a":1}', "application/json")


def test_a_refusal_is_an_answer(ask: Ask, server: HttpServer) -> None:
    """An error status raises nothing here: what it means is the contract's affair."""
    response = ask(settings(server.url), Request("PUT", "/busy", "PUT /busy"))
    assert error_from(response, "PUT /busy").retry_after == 7


def test_redirects_of_signed_files_are_followed(ask: Ask, server: HttpServer) -> None:
    """A bucket may move a file, and such requests carry no token."""
    request = Request("GET", f"{server.url}/redirect?sig=1", "GET (signed file)")
    assert ask(settings(server.url), request).body == b"fine"
    assert [seen.target for seen in server.seen] == ["/redirect?sig=1", "/elsewhere"]


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (servers.reset, "reset"),
        (servers.truncate, "reset"),
        (servers.hang_up, "reset"),
        (servers.talk_nonsense, "reset"),
        (servers.keep_silent, "timeout"),
    ],
)
def test_lost_answers_are_told_by_kind(
    ask: Ask, talk: Callable[..., None], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Both transports call the same fault by the same name, and neither shows the token."""
    with raw_server(talk) as url:
        error = fault(ask, settings(url, timeout=0.2))
    assert (error.kind, error.host, error.operation) == (kind, url, GET.operation)
    assert SECRET not in everything_about(error) + caplog.text


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://name.invalid", "dns"),
        ("https://name.invalid", "dns"),
        (f"http://127.0.0.1:{servers.free_port()}", "refused"),
        (f"http://localhost:{servers.free_port()}", "refused"),
    ],
    # A free port is another one each time, and two processes that share the tests have to agree on their names.
    ids=["http name", "https name", "address", "localhost"],
)
def test_servers_that_are_not_there_are_told_by_kind(
    ask: Ask, url: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong name is not a wrong port; such requests were certainly not sent."""
    error = fault(ask, settings(url))
    assert (error.kind, error.host) == (kind, url)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in everything_about(error) + caplog.text


def test_an_unknown_certificate_is_refused(ask: Ask, tls: tuple[ssl.SSLContext, str]) -> None:
    """Nothing is sent to a server that cannot prove its name."""
    with http_server(answer, tls[0]) as server:
        assert fault(ask, settings(server.url)).kind == "tls"
    assert server.seen == []


def test_a_bundle_makes_a_certificate_known(ask: Ask, tls: tuple[ssl.SSLContext, str]) -> None:
    """The connection's ca_bundle is what is verified against."""
    with http_server(answer, tls[0]) as server:
        assert ask(settings(server.url, verify=tls[1]), GET).status == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_usual_variables_name_a_bundle_too(
    ask: Ask, tls: tuple[ssl.SSLContext, str], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment's own certificate authority works without a word in the connection, in both transports."""
    monkeypatch.setenv(variable, tls[1])
    with http_server(answer, tls[0]) as server:
        assert ask(settings(server.url), GET).status == 200


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_verification_that_is_off_stays_off(
    ask: Ask, tls: tuple[ssl.SSLContext, str], tmp_path: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No environment variable may overrule the connection."""
    with monkeypatch.context() as patch, http_server(answer, tls[0]) as server:
        other = servers.own_authority(tmp_path)[1]
        patch.setenv(variable, other)
        assert ask(settings(server.url, verify=False), GET).status == 200


def test_a_bundle_that_is_not_there_is_named(ask: Ask, tmp_path: Path) -> None:
    """A wrong path is the author's to correct, not a fault of the network."""
    path = str(tmp_path / "none.pem")
    with pytest.raises(LightlyConfigError, match=r"there is no CA bundle .*none\.pem; correct the lightly connection"):
        ask(settings("https://127.0.0.1:1", verify=path), GET)


def test_a_tls_connection_that_is_cut_off_is_not_distrust(ask: Ask) -> None:
    """A load balancer that hangs up in the handshake may answer in a minute; a bad certificate will not."""
    with raw_server(servers.hang_up) as url:
        assert fault(ask, settings(url.replace("http", "https"))).kind == "reset"


def test_plain_http_where_tls_is_spoken_to_is_told(ask: Ask, server: HttpServer) -> None:
    """https for a server of http is wrong for good."""
    assert fault(ask, settings(server.url.replace("http", "https"))).kind == "tls"


def test_the_proxy_is_used(ask: Ask, server: HttpServer) -> None:
    """The connection's proxy is asked for the whole address."""
    assert ask(settings("http://name.invalid", proxy=server.url), GET).status == 200
    assert server.seen[0].target.startswith("http://name.invalid/v1/things/a%2Fb?")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "proxy",
    [f"http://user:{SECRET}@127.0.0.1:{servers.free_port()}", "http://proxy.invalid:80"],
    ids=["nothing listens", "no such host"],
)
def test_a_dead_proxy_is_told_as_one(ask: Ask, proxy: str, scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    """The message points to the proxy and not to LightlyOne, and keeps the proxy's password."""
    error = fault(ask, settings(f"{scheme}://api.invalid", proxy=proxy))
    assert (error.kind, error.host) == ("proxy", f"{scheme}://api.invalid")
    assert SECRET not in everything_about(error) + caplog.text


def test_a_proxy_that_refuses_is_told_as_one(ask: Ask) -> None:
    """A proxy that opens no tunnel did not pass the request on."""
    with http_server(lambda _: (407, b"", {})) as proxy:
        assert fault(ask, settings("https://api.invalid", proxy=proxy.url)).kind == "proxy"


def test_one_transport_serves_many_requests(server: HttpServer) -> None:
    """A worker keeps its transport for a whole conversation."""
    with RequestsTransport(settings(server.url)) as transport:
        assert [transport.send(GET).status for _ in range(3)] == [200, 200, 200]


def test_one_async_transport_serves_many_at_once(server: HttpServer) -> None:
    """The triggerer asks for all waiting runs through one client."""

    async def talk() -> list[Response]:
        async with HttpxTransport(settings(server.url)) as transport:
            return await asyncio.gather(*(transport.send(GET) for _ in range(10)))

    assert [response.status for response in asyncio.run(talk())] == [200] * 10
