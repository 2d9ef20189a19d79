"""What an author says of a rotation: which connections for which purposes, and which datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, cast, get_args

from lightly_airflow.arguments import check_choice, holds_template, one_or_many
from lightly_airflow.client.flows.visible import visible_datasets
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.datasources import Purpose
from lightly_airflow.hooks.lightly import LightlyHook
from lightly_airflow.operators.rotation.result import Target
from lightly_airflow.storage.paths import parse_azure_path, parse_resource_path

OnActiveRun = Literal["wait", "go_on", "fail"]
_BOTH: tuple[Purpose, ...] = ("INPUT", "LIGHTLY")


@dataclass(frozen=True, slots=True)
class Connections:
    """Which connection has the credentials of which purpose.

    :param new: ids of the connections with the new credentials.
    :param previous: ids of those with the old ones, where they are given.
    """

    new: Mapping[Purpose, str]
    previous: Mapping[Purpose, str]

    def __str__(self) -> str:
        """The new ones, for a message: one, or one a purpose."""
        if len(set(self.new.values())) == 1:
            return f"connection {next(iter(self.new.values()))!r}"
        return "connections " + ", ".join(f"{conn_id!r} ({purpose})" for purpose, conn_id in self.new.items())


def connections(new: Any, purpose: Any, previous: Any) -> Connections:
    """Reads the arguments together.

    :param new: ``datasource_conn_id``: one id, or a mapping of purpose to id.
    :param purpose: one purpose or several; ``None``: the mapping's keys, else INPUT and LIGHTLY.
    :param previous: ``previous_conn_id``: as ``new``, or ``None``, or the empty text that a template makes of it.
    :raises LightlyConfigError: they cannot be right together.
    """
    purposes = _purposes(purpose, new)
    given = _by_purpose("datasource_conn_id", new, purposes)
    if missing := [one for one in purposes if one not in given]:
        raise LightlyConfigError(
            f"datasource_conn_id: no connection for {', '.join(missing)}; add one, or leave it out of purpose"
        )
    before = {} if previous in (None, "") else _by_purpose("previous_conn_id", previous, purposes)
    for one, conn_id in before.items():
        if conn_id == given[one]:
            raise LightlyConfigError(
                f"previous_conn_id: {conn_id!r} is also datasource_conn_id; name the connection that still has the old"
                " credentials, or none"
            )
    return Connections(given, before)


def check_literals(new: Any, purpose: Any, previous: Any) -> None:
    """What can be told when the DAG is parsed."""
    for one in [purpose] if isinstance(purpose, str) else purpose if isinstance(purpose, (list, tuple)) else []:
        check_choice("purpose", one, get_args(Purpose))
    if not holds_template([new, purpose, previous]):
        connections(new, purpose, previous)


def _purposes(purpose: Any, new: Any) -> tuple[Purpose, ...]:
    if purpose is None:
        purpose = tuple(new) if isinstance(new, Mapping) else _BOTH
    told = [purpose] if isinstance(purpose, str) else list(purpose) if isinstance(purpose, Sequence) else [purpose]
    for one in told:
        check_choice("purpose", one, get_args(Purpose))
    if not told:
        raise LightlyConfigError(f"purpose: none is given; name one or more of {', '.join(get_args(Purpose))}")
    return tuple(dict.fromkeys(cast("list[Purpose]", told)))


def _by_purpose(name: str, value: Any, purposes: Sequence[Purpose]) -> dict[Purpose, str]:
    found = dict(value) if isinstance(value, Mapping) else dict.fromkeys(purposes, value)
    for key in found:
        if key not in purposes:
            raise LightlyConfigError(f"{name}: {key!r} is not among the purposes {', '.join(purposes)}")
    for conn_id in found.values():
        if not isinstance(conn_id, str) or not conn_id or conn_id.startswith("{"):
            raise LightlyConfigError(
                f"{name}: neither a connection id nor a mapping of purpose to connection id; a template renders a mapping as"
                " text: write the mapping itself, with templates in it"
            )
    return cast("dict[Purpose, str]", found)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which datasets.

    :param dataset_ids: their ids; ``None`` for all that the token can see.
    :param name: of these, only those whose names match this shell pattern.
    """

    dataset_ids: list[str] | None
    name: str = "*"

    def targets(self, hook: LightlyHook) -> list[Target]:
        """The datasets themselves. All of them are asked for in pages; ids that are given are not asked for."""
        if self.dataset_ids is not None:
            return [Target(one) for one in self.dataset_ids]
        seen = hook.run_long(visible_datasets)
        return [Target(one.id, one.name, one.type) for one in seen if fnmatchcase(one.name, self.name)]


def wanted(dataset_id: Any, dataset_name: Any, *, everything: bool) -> Wanted:
    """Reads the arguments together.

    :param everything: whether the author left ``dataset_id`` out. One that only turns out to be nothing when the task runs
        does not mean all datasets.
    :raises LightlyConfigError: they cannot be right together.
    """
    if dataset_id is not None and dataset_name is not None:
        raise LightlyConfigError("give dataset_id or dataset_name, not both")
    if dataset_name is not None:
        if not isinstance(dataset_name, str) or not dataset_name:
            raise LightlyConfigError(
                f"dataset_name: {dataset_name!r} is no pattern; write city-*, or * for all datasets"
            )
        return Wanted(None, dataset_name)
    if everything:
        return Wanted(None)
    return Wanted(one_or_many("dataset_id", dataset_id))


def directory(resource_path: Any) -> str | None:
    """``resource_path`` as LightlyOne writes it, with a slash at its end; ``None`` if there is none.

    :raises LightlyConfigError: it is no path.
    """
    if resource_path is None:
        return None
    text = str(resource_path)
    azure = "://" not in text or text.startswith(("azure://", "wasb"))
    return str(parse_azure_path(text)[0] if azure else parse_resource_path(text))
