"""Writes the generated parts of docs/operators.md: ``python docs/generate_reference.py``.

Text comes from docstrings, types and defaults from signatures, states from ``contract.states``: what the page says cannot
differ from the code, because a test runs this again.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from lightly_airflow import operators, sensors
from lightly_airflow.contract.states import RUN_STATES, SCHEDULED_STATES, UNKNOWN

PAGE = Path(__file__).with_name("operators.md")
DOCUMENTED = [getattr(module, name) for module in (operators, sensors) for name in module.__all__]
_PART = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FIELD = re.compile(r"^:(param|returns|raises) ?(\w*): (.*?)(?=^:|\Z)", re.DOTALL | re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?(?:\w+\.)*(\w+)`")


def with_reference(page: str) -> str:
    """The page with its generated parts as the code has them now."""
    parts = {cls.__name__: _reference(cls) for cls in DOCUMENTED} | {"states": _states()}
    return _PART.sub(lambda found: f"{found[1]}{parts[found[2]]}\n{found[3]}", page)


def parameters(cls: type[Any]) -> dict[str, inspect.Parameter]:
    """The named parameters of a class of this package and of its bases here, its own first."""
    found: dict[str, inspect.Parameter] = {}
    own = (base for base in cls.__mro__ if base.__module__.startswith("lightly_airflow."))
    for one in (base for base in own if "__init__" in vars(base)):
        for parameter in inspect.signature(one).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                found.setdefault(parameter.name, parameter)
    return found


def default(parameter: inspect.Parameter) -> str:
    """A default as the table shows it."""
    if parameter.default is parameter.empty:
        return "required"
    if parameter.name == "deferrable":  # read from Airflow's configuration when the module is imported
        return "`[operators] default_deferrable`"
    value = parameter.default
    return f"`{value.total_seconds():g}` s" if isinstance(value, timedelta) else f"`{value!r}`"


def _reference(cls: type[Any]) -> str:
    text = inspect.cleandoc(cls.__doc__ or "")
    fields = [(kind, name, _markdown(said)) for kind, name, said in _FIELD.findall(text)]
    meanings = {name: said for kind, name, said in fields if kind == "param"}
    rows = ([*_row(cls, parameter), meanings[name]] for name, parameter in parameters(cls).items())
    table = _table(["parameter", "type", "default", "templated", "meaning"], rows)
    ends = [f"**Returns** {said}" for kind, _, said in fields if kind == "returns"]
    ends += [f"**Raises** `{name}`: {said}" for kind, name, said in fields if kind == "raises"]
    about = [_markdown(paragraph) for paragraph in text.split("\n:")[0].split("\n\n")]
    return "\n\n".join([*about, table, *ends])


def _row(cls: type[Any], parameter: inspect.Parameter) -> Iterator[str]:
    yield f"`{parameter.name}`"
    yield f"`{parameter.annotation}`"
    yield default(parameter)
    yield "yes" if parameter.name in cls.template_fields else "no"


def _states() -> str:
    scheduled = [("scheduled run", f"`{state}`", row.outcome, row.says) for state, row in SCHEDULED_STATES.items()]
    run = [("run", f"`{state}`", row.outcome, row.says) for state, row in RUN_STATES.items()]
    other = ("either", "any other", UNKNOWN.outcome, UNKNOWN.says)
    return _table(["of", "state", "counts as", "in words"], [*scheduled, *run, other])


def _table(head: list[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _markdown(text: str) -> str:
    """A docstring's paragraph as Markdown. That a parameter is templated stands in a column of its own."""
    plain = _ROLE.sub(r"`\1`", " ".join(text.split())).replace("``", "`")
    return plain.replace(" (templated)", "").replace("(templated; ", "(")


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text()))
