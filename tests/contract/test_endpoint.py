"""Endpoints bind arguments into requests, and read answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.contract.errors import LightlyAnswerError, LightlyNotFound
from lightly_airflow.contract.models.base import CreatedEntity
from lightly_airflow.contract.models.datasets import DatasetCreateRequest
from lightly_airflow.contract.operations import datasets, runs, schedules
from lightly_airflow.contract.wire import Response

ID = "0123456789abcdef01234567"
JSON: Endpoint[CreatedEntity] = Endpoint("POST", "/v1/things/{thingName}", CreatedEntity, 201, DatasetCreateRequest)
TEXT: Endpoint[str] = Endpoint("GET", "/v1/url", str, media="text")
NOTHING: Endpoint[None] = Endpoint("PUT", "/v1/things/{thingName}")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("plain_-.~1", "/v1/things/plain_-.~1"),
        ("a/b c", "/v1/things/a%2Fb%20c"),
        ("füße?&#", "/v1/things/f%C3%BC%C3%9Fe%3F%26%23"),
        ("{thingName}%2F", "/v1/things/%7BthingName%7D%252F"),
    ],
)
def test_path_arguments_are_quoted(name: str, path: str) -> None:
    """Whatever a name holds, it stays one segment of the path."""
    request = NOTHING.call(thingName=name).request
    assert request.path == path
    assert request.operation == "PUT /v1/things/{thingName}"


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ({}, ()),
        ({"a": None, "b": 0, "c": ""}, (("b", "0"), ("c", ""))),
        ({"a": True, "b": False}, (("a", "True"), ("b", "False"))),
        ({"a": ["x", "y&z"], "b": []}, (("a", "x"), ("a", "y&z"))),
    ],
)
def test_query_values_become_pairs(query: dict[str, Any], pairs: tuple[tuple[str, str], ...]) -> None:
    """None is left out, a list repeats its name, booleans are spelled as LightlyOne's own client spells them."""
    assert NOTHING.call(thingName="t", query=query).request.query == pairs


def test_a_body_is_json_in_wire_names() -> None:
    """Bodies are compact JSON in camelCase without unset members."""
    request = JSON.call(thingName="t", body=DatasetCreateRequest(name="cars", img_type="full")).request
    assert request.body == b'{"name":"cars","imgType":"full"}'
    assert NOTHING.call(thingName="t").request.body is None


def test_a_list_of_models_is_a_body_too() -> None:
    """Log lines travel as a JSON array."""
    body = runs.ADD_LOGS.call(runId=ID, body=[]).request.body
    assert body == b"[]"


def test_bodies_stay_out_of_repr() -> None:
    """A datasource's body carries credentials, an answer's body may carry signed URLs."""
    request = JSON.call(thingName="t", body=DatasetCreateRequest(name="hushhush")).request
    assert "hushhush" not in repr(request)
    assert "hushhush" not in repr(Response(200, b"hushhush", {"location": "hushhush"}))


def test_an_answer_is_read_under_its_status() -> None:
    """The declared status and a body that fits give the value; what is unknown in it is skipped."""
    assert JSON.read(Response(201, json.dumps({"id": ID, "new": 1}).encode())).id == ID


@pytest.mark.parametrize("status", [200, 202, 204, 206])
def test_another_success_is_no_answer(status: int) -> None:
    """Under any other 2xx the body means something else: a proxy's page, a request that was only accepted."""
    with pytest.raises(LightlyAnswerError, match=rf"answer \({status}\) cannot be read: its status should be 201"):
        JSON.read(Response(status, json.dumps({"id": ID}).encode()))


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"updated", b'{"id'])
def test_where_no_answer_is_declared_any_success_will_do(status: int, body: bytes) -> None:
    """Updates and deletions are read by their status."""
    assert NOTHING.call(thingName="t").parse(Response(status, body)) is None


@pytest.mark.parametrize("body", [b"<html>", b"\n<!DOCTYPE html>\n<html>"])
def test_a_page_is_no_success_either(body: bytes) -> None:
    """A gateway has answered in LightlyOne's place, and nothing was updated."""
    with pytest.raises(LightlyAnswerError, match=r"answer \(200\) cannot be read: body: an HTML page"):
        NOTHING.call(thingName="t").parse(Response(200, body))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'"https://bucket/a%20b?x=1"', "https://bucket/a%20b?x=1"),
        (b"https://bucket/a%20b?x=1", "https://bucket/a%20b?x=1"),
        (b"1.5.26", "1.5.26"),
        (b"1e3", "1e3"),
        (b"", ""),
        ("füße".encode(), "füße"),
        (b"\xff", "\ufffd"),
    ],
)
def test_text_comes_quoted_or_bare(body: bytes, text: str) -> None:
    """A text that happens to be JSON of another type stays the text."""
    assert TEXT.read(Response(200, body)) == text


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body: Invalid JSON"),
        (b"<html>", "body: Invalid JSON"),
        (b'{"id": "0123', "body: Invalid JSON"),
        (b"null", "body: Input should be an object"),
        (b"{}", "id: Field required"),
        (b'{"id": "short"}', "id: String should match pattern"),
    ],
)
def test_unreadable_answers_are_named(body: bytes, where: str) -> None:
    """What is not the promised JSON is an error of its own, with the member at fault."""
    with pytest.raises(LightlyAnswerError, match=where) as caught:
        JSON.read(Response(201, body))
    assert (caught.value.operation, caught.value.status) == ("POST /v1/things/{thingName}", 201)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("body", [b"<html>", b"\n<!DOCTYPE html>\n<html>", b'"https://bucket/a%20b?x', b'"'])
def test_a_page_and_half_a_string_are_no_text(body: bytes) -> None:
    """A gateway's page must not be taken for a signed URL."""
    with pytest.raises(LightlyAnswerError, match="Invalid JSON"):
        TEXT.read(Response(200, body))


def test_a_refusal_is_raised() -> None:
    """Everything but 2xx becomes the error that it stands for."""
    with pytest.raises(LightlyNotFound):
        datasets.get_dataset(ID).parse(Response(404, b'{"code": "DATASET_UNKNOWN", "error": "no"}'))


def test_a_name_query_is_built_as_the_official_client_builds_it() -> None:
    """The name is one quoted segment; exact and shared are spelled out."""
    request = datasets.datasets_named("a/b").request
    assert (request.method, request.path) == ("GET", "/v1/datasets/query/name/a%2Fb")
    assert request.query == (("exact", "True"), ("shared", "False"), ("pageSize", "100"), ("pageOffset", "0"))


def test_wanted_states_repeat_their_name() -> None:
    """Several states are several pairs of one query."""
    request = schedules.scheduled_runs(ID, ["OPEN", "DONE"]).request
    assert request.query == (("states", "OPEN"), ("states", "DONE"))


def test_scheduling_is_one_post_with_the_config() -> None:
    """The config's id stands in the body, so that the run can be found by it."""
    request = schedules.schedule_run(ID, ID, "HIGH", ("gpu",)).request
    assert request.path == f"/v1/datasets/{ID}/docker/worker/schedule"
    assert json.loads(request.body or b"") == {
        "configId": ID,
        "priority": "HIGH",
        "runsOn": ["gpu"],
        "creator": "USER_PIP",
    }
