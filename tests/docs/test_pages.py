"""The pages say what the code says: tables, examples, help texts, names, links, policies, messages."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from docs.generate_reference import DOCUMENTED, default, parameters, with_reference
from lightly_airflow import exceptions, operators
from lightly_airflow.contract import errors
from lightly_airflow.contract.states import RUN_STATES, SCHEDULED_STATES
from lightly_airflow.emulator.__main__ import _parser
from lightly_airflow.provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
TEXTS = {page.stem: page.read_text() for page in PAGES}


def blocks(language: str) -> list[Any]:
    """The code blocks of all pages, each named by its page."""
    found = re.compile(rf"^( *)```{language}\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
    return [
        pytest.param(inspect.cleandoc(match[2]), id=f"{name}-{number}")
        for name, text in TEXTS.items()
        for number, match in enumerate(found.finditer(text))
    ]


def test_reference_is_up_to_date() -> None:
    """Who changes an operator runs docs/generate_reference.py."""
    assert TEXTS["operators"] == with_reference(TEXTS["operators"])


@pytest.mark.parametrize("cls", DOCUMENTED, ids=lambda cls: cls.__name__)
def test_every_parameter_stands_on_the_page_with_its_default(cls: type[Any]) -> None:
    """None is forgotten, whatever the generator does."""
    section = TEXTS["operators"].split(f"## {cls.__name__}\n")[1].split("\n## ")[0]
    for name, parameter in parameters(cls).items():
        (line,) = [line for line in section.splitlines() if line.startswith(f"| `{name}` |")]
        assert f" | {default(parameter)} | " in line
        assert not line.endswith("|  |")


def test_every_state_stands_on_the_page() -> None:
    """With what it counts as."""
    for state, row in [*SCHEDULED_STATES.items(), *RUN_STATES.items()]:
        assert f"| `{state}` | {row.outcome} |" in TEXTS["operators"]


@pytest.mark.parametrize("name", ["test_example.py", "test_example_without_worker.py", "test_example_of_faults.py"])
def test_the_example_is_the_file(name: str) -> None:
    """What the page shows is what runs."""
    assert Path(__file__).with_name(name).read_text() in TEXTS["testing"]


def test_the_emulators_help() -> None:
    """The page has the command line's own words; Python's versions wrap them differently."""
    assert " ".join(_parser().format_help().split()) in " ".join(TEXTS["emulator"].split())


@pytest.mark.parametrize("module", [exceptions, errors], ids=lambda module: module.__name__)
def test_every_exception_is_explained(module: Any) -> None:
    """Each class has a row of its own."""
    own = {name for name, cls in vars(module).items() if inspect.isclass(cls) and issubclass(cls, Exception)}
    imported = {"AirflowException", "AirflowFailException"}
    for name in own - imported:
        assert f"| `{name}` |" in TEXTS["errors"]


def test_every_extra_of_the_connection() -> None:
    """Each has a row of its own."""
    for name in get_provider_info()["connection-types"][0]["conn-fields"]:
        assert f"| extra `{name}` |" in TEXTS["connection"]


def test_every_hint_of_an_unreachable_service() -> None:
    """What Test Connection may answer stands in its table."""
    for hint in errors.LightlyConnectionError.HINTS.values():
        assert hint in TEXTS["connection"]


@pytest.mark.parametrize("code", [block for block in blocks("python") if not str(block.id).startswith("testing")])
def test_python_runs(code: str) -> None:
    """Every example can be pasted."""
    exec(compile(code, "page", "exec"), {})


@pytest.mark.parametrize("code", [block for block in blocks("python") if str(block.id).startswith("testing")])
def test_python_of_the_testing_page_compiles(code: str) -> None:
    """Its first block sets up an Airflow of its own; the others are files here, and run."""
    compile(code, "page", "exec")


@pytest.mark.parametrize("text", blocks("json"))
def test_json_is_json(text: str) -> None:
    """Every example can be pasted."""
    json.loads(text)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """Pages, and headings on them."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        headings = re.findall(r"^#+ (.*)$", (page.parent / name if name else page).read_text(), re.MULTILINE)
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings]


def selection(**config: Any) -> Callable[[], object]:
    strategies = [{"input": {"type": "EMBEDDINGS"}, "strategy": {"type": config.pop("strategy", "DIVERSITY")}}]
    selected = {"strategies": strategies, **config}
    return lambda: operators.LightlyScheduleRunOperator(task_id="t", dataset_id="d", selection_config=selected)


@pytest.mark.parametrize(
    "mistake",
    [
        selection(n_sample=50),
        selection(n_samples="many"),
        selection(n_samples=-2),
        selection(proportion_samples=1.5),
        selection(strategy="DIVERSTY"),
        selection(strategy="WEIGHTS"),
        lambda: operators.LightlyCreateDatasetOperator(task_id="t", dataset_name="city/cameras"),
        lambda: operators.LightlyScheduleRunOperator(task_id="t", dataset_id="d", priority="URGENT"),  # type: ignore[arg-type]
    ],
)
def test_messages_are_the_codes_own(mistake: Callable[[], object]) -> None:
    """The page has each message as it is raised."""
    with pytest.raises(errors.LightlyConfigError) as caught:
        mistake()
    assert str(caught.value) in TEXTS["errors"].splitlines()
