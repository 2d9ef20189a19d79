"""What an author may say of a rotation, and what is refused before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest

from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.operators import LightlyRotateCredentialsOperator
from lightly_airflow.operators.rotation.arguments import Connections, Wanted, connections, directory, wanted

BOTH = {"INPUT": "read", "LIGHTLY": "write"}


@pytest.mark.parametrize(
    ("new", "purpose", "previous", "made"),
    [
        ("one", None, None, ({"INPUT": "one", "LIGHTLY": "one"}, {})),
        ("one", "INPUT", "", ({"INPUT": "one"}, {})),
        ("one", "INPUT_OUTPUT", "two", ({"INPUT_OUTPUT": "one"}, {"INPUT_OUTPUT": "two"})),
        (BOTH, None, None, (BOTH, {})),
        (BOTH, ["LIGHTLY", "INPUT"], {"INPUT": "old"}, (BOTH, {"INPUT": "old"})),
        ("one", ("LIGHTLY", "LIGHTLY"), {"LIGHTLY": "old"}, ({"LIGHTLY": "one"}, {"LIGHTLY": "old"})),
    ],
)
def test_connections_by_purpose(new: Any, purpose: Any, previous: Any, made: Any) -> None:
    """One for all, or a mapping, whose keys are the purposes unless they are said."""
    assert connections(new, purpose, previous) == Connections(*made)


def test_how_connections_are_called() -> None:
    """By their name, or by all names."""
    assert str(connections("one", None, None)) == "connection 'one'"
    assert str(connections(BOTH, None, None)) == "connections 'read' (INPUT), 'write' (LIGHTLY)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"purpose": "OUTPUT"}, "purpose: 'OUTPUT' is not one of INPUT, LIGHTLY, INPUT_OUTPUT"),
        ({"purpose": ["INPUT", "OUTPUT"]}, "purpose: 'OUTPUT' is not one of INPUT, LIGHTLY, INPUT_OUTPUT"),
        ({"purpose": []}, "purpose: none is given; name one or more of INPUT, LIGHTLY, INPUT_OUTPUT"),
        (
            {"datasource_conn_id": {"INPUT": "read"}, "purpose": ["INPUT", "LIGHTLY"]},
            "datasource_conn_id: no connection for LIGHTLY; add one, or leave it out of purpose",
        ),
        (
            {"datasource_conn_id": BOTH, "purpose": "INPUT"},
            "datasource_conn_id: 'LIGHTLY' is not among the purposes INPUT",
        ),
        (
            {"previous_conn_id": {"INPUT_OUTPUT": "old"}},
            "previous_conn_id: 'INPUT_OUTPUT' is not among the purposes INPUT, LIGHTLY",
        ),
        (
            {"previous_conn_id": "cameras"},
            "previous_conn_id: 'cameras' is also datasource_conn_id; name the connection that still has the old credentials,"
            " or none",
        ),
        (
            {"datasource_conn_id": ""},
            "datasource_conn_id: neither a connection id nor a mapping of purpose to connection id; a template renders a"
            " mapping as text: write the mapping itself, with templates in it",
        ),
        ({"on_active_run": "stop"}, "on_active_run: 'stop' is not one of wait, go_on, fail"),
        ({"poll_interval": 0}, "poll_interval: 0 is not a number of seconds above 0"),
        ({"dataset_id": "x", "dataset_name": "city-*"}, "give dataset_id or dataset_name, not both"),
        (
            {"resource_path": "s3://cameras//input"},
            "'s3://cameras//input' is no S3 path; write s3://bucket/dir/",
        ),
    ],
)
def test_found_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    """Literals that cannot be right."""
    with pytest.raises(LightlyConfigError) as caught:
        LightlyRotateCredentialsOperator(task_id="t", **{"datasource_conn_id": "cameras", **arguments})
    assert str(caught.value) == message


def test_templates_in_a_mapping_are_not_judged() -> None:
    """They may turn out to be anything."""
    mapping = {"INPUT": "{{ params.read }}", "LIGHTLY": "write"}
    made = LightlyRotateCredentialsOperator(task_id="t", datasource_conn_id=mapping, previous_conn_id="write")
    assert made.datasource_conn_id == mapping


@pytest.mark.parametrize(
    ("dataset_id", "dataset_name", "everything", "made"),
    [
        ("a", None, False, Wanted(["a"])),
        (["a", "b", "a"], None, False, Wanted(["a", "b"])),
        ([], None, False, Wanted([])),
        (None, None, True, Wanted(None)),
        (None, "city-*", True, Wanted(None, "city-*")),
        (None, "city-*", False, Wanted(None, "city-*")),
    ],
)
def test_which_datasets(dataset_id: Any, dataset_name: Any, everything: bool, made: Wanted) -> None:
    """An empty list is none of them; only what was left out means all."""
    assert wanted(dataset_id, dataset_name, everything=everything) == made


@pytest.mark.parametrize(
    ("dataset_id", "dataset_name", "message"),
    [
        (None, None, "dataset_id: None is neither an id nor a list of ids"),
        ("", None, "dataset_id: '' is neither an id nor a list of ids"),
        (None, "", "dataset_name: '' is no pattern; write city-*, or * for all datasets"),
        ("a", "city-*", "give dataset_id or dataset_name, not both"),
    ],
)
def test_what_turns_out_to_be_nothing_is_not_everything(dataset_id: Any, dataset_name: Any, message: str) -> None:
    """A template that renders to nothing rotates no credentials by accident."""
    with pytest.raises(LightlyConfigError) as caught:
        wanted(dataset_id, dataset_name, everything=False)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, None),
        ("s3://cameras", "s3://cameras/"),
        ("gs://cameras/a", "gs://cameras/a/"),
        ("cameras/a", "cameras/a/"),
        ("wasbs://cameras@one.blob.core.windows.net/a", "cameras/a/"),
    ],
)
def test_paths_as_lightlyone_writes_them(given: str | None, told: str | None) -> None:
    """With a slash at the end, so that s3://cameras is not above s3://cameras-of-others."""
    assert directory(given) == told
