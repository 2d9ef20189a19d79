"""Reads a request's query and body strictly: a client's mistake is to be seen here and not in production."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from lightly_airflow.contract.endpoint import Endpoint
from lightly_airflow.emulator.refusal import malformed

_ID = re.compile(r"[a-f0-9]{24}")
# Members whose wire name is not the camel case of the model's.
_IRREGULAR = {
    "s3_arn": "s3ARN",
    "s3_server_side_encryption_kms_key": "s3ServerSideEncryptionKMSKey",
    "stopping_condition_minimum_distance": "stopping_condition_minimum_distance",
}


def read_ids(ids: dict[str, str]) -> dict[str, str]:
    """The path's parameters; those that are ids must look like ids."""
    for name, value in ids.items():
        if name.endswith("Id") and not _ID.fullmatch(value):
            raise malformed(f"path.{name}: {value!r} is no id; an id has 24 lower-case hexadecimal digits")
    return ids


def read_query(endpoint: Endpoint[Any], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The query by name, each value in its own type.

    :raises Refusal: an unknown name, a name given twice, or a value of another type.
    """
    query: dict[str, Any] = {}
    for name, text in pairs:
        if name not in endpoint.query:
            raise malformed(f"query.{name}: {endpoint.operation} has no such parameter")
        kind = endpoint.query[name]
        if typing.get_origin(kind) is list:
            query.setdefault(name, []).append(_value(name, typing.get_args(kind)[0], text))
        elif name in query:
            raise malformed(f"query.{name}: given more than once")
        else:
            query[name] = _value(name, kind, text)
    _check_paging(query)
    return query


def read_body(endpoint: Endpoint[Any], body: bytes | None) -> Any:
    """The body as the contract's model.

    :raises Refusal: no JSON, an unknown or missing member, a value of another type or out of range.
    """
    if endpoint.body is None:
        if body:
            raise malformed(f"body: {endpoint.operation} takes none")
        return None
    try:
        return endpoint.body_adapter.validate_json(body or b"", strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        # Never the input: a datasource's body carries credentials.
        faults = error.errors(include_url=False, include_context=False, include_input=False)
    raise malformed("; ".join(f"{_path(fault['loc'], fault['type'])}: {fault['msg']}" for fault in faults[:5]))


def _path(place: tuple[int | str, ...], fault: str) -> str:
    # A member that is not known is named as it was sent.
    known = place[:-1] if fault == "extra_forbidden" else place
    named = [_IRREGULAR.get(str(part), to_camel(str(part))) for part in known]
    return ".".join(["body", *named, *map(str, place[len(known) :])])


def _value(name: str, kind: Any, text: str) -> Any:
    read, expected = _READERS.get(kind, (None, ""))
    choices = typing.get_args(kind)
    value = read(text) if read else text if text in choices else None
    if value is None:
        raise malformed(f"query.{name}: {text!r} is not {expected or 'one of ' + ', '.join(choices)}")
    return value


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _truth(text: str) -> bool | None:
    # The official client writes True and False, others true and false.
    return {"true": True, "false": False}.get(text.lower())


_READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    int: (_integer, "an integer"),
    bool: (_truth, "true or false"),
    str: (str, "a text"),
}


def _check_paging(query: dict[str, Any]) -> None:
    for name, least in (("pageSize", 1), ("pageOffset", 0)):
        if query.get(name, least) < least:
            raise malformed(f"query.{name}: {query[name]} is less than {least}")
