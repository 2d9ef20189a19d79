"""The three configurations of a run: what can be checked when the DAG is parsed, and the whole once they are rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from lightly_airflow.arguments import holds_template, is_template
from lightly_airflow.contract.errors import LightlyConfigError
from lightly_airflow.contract.models.selection import SelectionConfig, SelectionEntry
from lightly_airflow.contract.models.worker_config import LightlyConfig, RunConfig, WorkerConfig
from lightly_airflow.contract.rules import entry_problem, selection_problems
from lightly_airflow.contract.validation import find_problems, parse

MODELS: dict[str, type[BaseModel]] = {
    "worker_config": WorkerConfig,
    "selection_config": SelectionConfig,
    "lightly_config": LightlyConfig,
}


def plain(config: Any) -> Any:
    """A typed model as the nested dict that Airflow can render and store; anything else as it is."""
    return config.model_dump(mode="json", exclude_none=True) if isinstance(config, BaseModel) else config


def check_literals(configs: Mapping[str, Any]) -> None:
    """Raises :class:`LightlyConfigError` for what is wrong in the configurations' literal parts; templates are left out."""
    problems = []
    for name, config in configs.items():
        if config is not None:
            problems += find_problems(MODELS[name], config, name, strict=True, unknown=is_template)
    problems = problems or _illegal_pairs(configs.get("selection_config"))
    if problems:
        raise LightlyConfigError("\n".join(problems))


def run_config(configs: Mapping[str, Any]) -> RunConfig:
    """The rendered configurations as one; raises :class:`LightlyConfigError` with all that is wrong in them."""
    parsed: dict[str, Any] = {
        name: None if config is None else parse(MODELS[name], config, name) for name, config in configs.items()
    }
    selection: SelectionConfig | None = parsed["selection_config"]
    problems = selection_problems(selection) if selection else []
    if problems:
        raise LightlyConfigError("\n".join(f"selection_config.{problem}" for problem in problems))
    return RunConfig(docker=parsed["worker_config"], lightly=parsed["lightly_config"], selection=selection)


def _illegal_pairs(selection: Any) -> list[str]:
    """Inputs and strategies that do not go together, among the entries without templates."""
    entries = selection.get("strategies", []) if isinstance(selection, Mapping) else []
    told = []
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        problem = None if holds_template(entry) else entry_problem(SelectionEntry.model_validate(entry))
        if problem:
            told.append(f"selection_config.strategies[{i}]: {problem}")
    return told
