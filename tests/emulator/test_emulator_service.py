"""Routing, authentication and strictness of the emulator's API."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

import lightly_airflow.contract.operations as operations
from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.contract.operations import datasets
from lightly_airflow.emulator.not_emulated import NOT_EMULATED
from lightly_airflow.emulator.routes import ROUTES

from .conftest import OTHER_TOKEN, SECRET, Desk

ID = "0" * 24


def endpoints() -> set[str]:
    modules = [
        importlib.import_module(f"{operations.__name__}.{m.name}") for m in pkgutil.iter_modules(operations.__path__)
    ]
    return {value.operation for module in modules for value in vars(module).values() if isinstance(value, Endpoint)}


def test_every_endpoint_of_the_contract_is_served() -> None:
    """What the client can ask, the emulator answers; each operation once, and none of them is called not emulated."""
    served = [route.endpoint.operation for route in ROUTES]
    assert set(served) == endpoints()
    assert len(served) == len(set(served))
    assert not set(NOT_EMULATED) & set(served)


@pytest.mark.parametrize("operation", NOT_EMULATED)
def test_lightlys_other_operations_say_that_they_are_not_emulated(desk: Desk, operation: str) -> None:
    """An operation that LightlyOne has and the emulator has not is 501, never mistaken for another one."""
    method, path = operation.replace("{", "").replace("}", "").split(" ")
    status, body = desk.send(method, path)
    assert (status, body["code"]) == (501, "NOT_IMPLEMENTED")


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/v1/data", "no such path"),
        ("PATCH", "/v1/datasets", "possible are: GET, POST"),
        ("GET", "/", "no such path"),
    ],
)
def test_what_lightly_does_not_have_is_not_found(desk: Desk, method: str, path: str, words: str) -> None:
    """An unknown path or method is 404 and says what is possible."""
    status, body = desk.send(method, path)
    assert (status, body["code"]) == (404, "NOT_FOUND")
    assert words in body["error"]


@pytest.mark.parametrize("token", [None, "", "unknown"])
def test_a_token_that_is_not_known_is_refused(desk: Desk, token: str | None) -> None:
    """Without a known token everything is 401 but the versions; the answer does not repeat the token."""
    status, body = desk.send("GET", "/v1/datasets", token=token)
    assert (status, body["code"]) == (401, "UNAUTHORIZED")
    assert "unknown" not in body["error"]
    assert desk.send("GET", "/v1/versions/pip/latest?currentVersion=1.5.0", token=token) == (200, "1.5.26")
    assert desk.send("GET", "/v1/versions/pip/minimum", token=token)[0] == 200


def test_accounts_do_not_see_each_other(desk: Desk) -> None:
    """A dataset of another user is 403 by its id, absent from lists, and its name is free."""
    dataset_id = desk.dataset()
    other = desk.emulator.api(OTHER_TOKEN)
    status, body = desk.send("GET", f"/v1/datasets/{dataset_id}", token=OTHER_TOKEN)
    assert (status, body["code"]) == (403, "FORBIDDEN")
    assert other(datasets.datasets_named("city-cameras")) == []
    assert other(datasets.create_dataset("city-cameras", "Images")).id != dataset_id


def s3(**changes: Any) -> dict[str, Any]:
    whole = {
        "type": "S3", "purpose": "INPUT", "fullPath": "s3://b/", "s3Region": "eu-west-1",
        "s3AccessKeyId": "id", "s3SecretAccessKey": SECRET,
    }  # fmt: skip
    return {**whole, **changes}


def config(**docker: Any) -> dict[str, Any]:
    return {"version": "V4", "config": {"workerType": "FULL", "docker": docker}}


MISTAKES: list[tuple[str, str, Any, str]] = [
    ("GET", "/v1/datasets?pageSise=1", None, "query.pageSise"),
    ("GET", "/v1/datasets?pageSize=5.0", None, "query.pageSize"),
    ("GET", "/v1/datasets?pageSize=0", None, "query.pageSize"),
    ("GET", "/v1/datasets?pageOffset=-1", None, "query.pageOffset"),
    ("GET", "/v1/datasets?pageSize=1&pageSize=2", None, "query.pageSize"),
    ("GET", "/v1/datasets?shared=yes", None, "query.shared"),
    ("GET", f"/v1/datasets/{ID}/docker/worker/schedule?states=open", None, "query.states"),
    ("GET", f"/v1/datasets/{ID}/docker/worker/schedule?state=RUNNING", None, "query.state"),
    ("GET", "/v1/datasets/abc", None, "path.datasetId"),
    ("GET", "/v1/datasets/%7BdatasetId%7D", None, "path.datasetId"),
    ("POST", "/v1/datasets", None, "body"),
    ("POST", "/v1/datasets", b"{", "body"),
    ("POST", "/v1/datasets", [], "body"),
    ("POST", "/v1/datasets", {}, "body.name"),
    ("POST", "/v1/datasets", {"name": "a.b"}, "body.name"),
    ("POST", "/v1/datasets", {"name": 100}, "body.name"),
    ("POST", "/v1/datasets", {"name": "abc", "type": "IMAGES"}, "body.type"),
    ("POST", "/v1/datasets", {"name": "abc", "imgTyp": "full"}, "body.imgTyp"),
    ("POST", "/v1/datasets", {"name": "abc", "img_type": "full"}, "body.img_type"),
    ("PUT", f"/v1/datasets/{ID}/docker/worker/schedule/{ID}", {}, "body"),
    ("PUT", f"/v1/datasets/{ID}/datasource", s3(type="FTP"), "body"),
    ("PUT", f"/v1/datasets/{ID}/datasource", s3(s3Region="il-central-1"), "s3Region"),
    ("PUT", f"/v1/datasets/{ID}/datasource", s3(s3SecretAccessKey=""), "s3SecretAccessKey"),
    ("PUT", f"/v1/datasets/{ID}/datasource", s3(s3SecretAccessKey=5), "s3SecretAccessKey"),
    ("PUT", f"/v1/datasets/{ID}/datasource", s3(s3_secret_access_key=SECRET), "s3_secret_access_key"),
    ("PUT", f"/v1/datasets/{ID}/datasource", s3(s3ServerSideEncryptionKMSKey="x"), "s3ServerSideEncryptionKMSKey"),
    ("POST", "/v1/docker/worker/config/vX", config(cacheSize=5.0), "body.config.docker.cacheSize"),
    ("POST", "/v1/docker/worker/config/vX", config(cache_size=5), "body.config.docker.cache_size"),
    ("POST", "/v1/docker/worker/config/vX", config(useDatapool="true"), "body.config.docker.useDatapool"),
    ("POST", "/v1/docker/worker/config/vX", {**config(), "version": "V3"}, "body.version"),
]


@pytest.mark.parametrize(("method", "path", "body", "place"), MISTAKES)
def test_a_mistake_is_named_by_its_place(desk: Desk, method: str, path: str, body: Any, place: str) -> None:
    """Whatever is wrong is 400 and names parameter or member as it is spelled on the wire, never a credential."""
    status, answer = desk.send(method, path, body)
    assert (status, answer["code"]) == (400, "MALFORMED_REQUEST")
    assert place in answer["error"]
    assert SECRET not in str(answer)
    assert set(answer) == {"code", "error", "requestId"}


def test_what_the_official_client_sends_is_taken(desk: Desk) -> None:
    """Its nulls, its empty lists and its True are no mistakes."""
    body = config(crops={"enableUpload": True, "enableUploadForTasks": None})
    body["config"]["selection"] = {
        "nSamples": 5, "autoTasks": [],
        "strategies": [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY", "strength": 1}}],
    }  # fmt: skip
    assert desk.send("POST", "/v1/docker/worker/config/vX", {**body, "creator": "USER_PIP"})[0] == 201
    assert desk.send("GET", "/v1/datasets/query/name/abc?exact=True&shared=False")[0] == 200
