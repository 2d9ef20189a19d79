"""From an author's nested dicts to models, with errors that name the path, the fault and the likely meaning."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lightly_airflow.contract.errors import LightlyConfigError

M = TypeVar("M", bound=BaseModel)
_KINDS = {
    "int": "an integer", "float": "a number", "bool": "true or false", "string": "a string", "list": "a list",
    "dict": "a dict", "model": "a dict", "finite": "a finite number",
}  # fmt: skip
_BOUNDS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
_WORDS = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}


def never(_: Any) -> bool:
    """Nothing is unknown: every value counts."""
    return False


def find_problems(
    model: type[BaseModel], value: Any, name: str, *, strict: bool = False, unknown: Callable[[Any], bool] = never
) -> list[str]:
    """What is wrong with a value, one sentence a fault.

    :param model: the model it shall fit.
    :param value: nested dicts and lists.
    :param name: what the author calls it, such as ``selection_config``; every path begins with it.
    :param strict: whether ``"5"`` is refused where 5 is meant. False after rendering, since Jinja makes strings.
    :param unknown: tells a value that cannot be judged yet, such as a template; faults that hang on one are left out.
    """
    try:
        model.model_validate(value, strict=strict)
    except ValidationError as error:
        faults = [fault for fault in error.errors(include_url=False) if not _hangs_on(fault, unknown)]
        return [f"{_path(name, fault['loc'])}: {_sentence(model, fault)}" for fault in faults]
    return []


def parse(model: type[M], value: Any, name: str) -> M:
    """The model of a rendered value; raises :class:`LightlyConfigError` with all its problems, one a line."""
    if problems := find_problems(model, value, name):
        raise LightlyConfigError("\n".join(problems))
    return model.model_validate(value)


def _hangs_on(fault: Mapping[str, Any], unknown: Callable[[Any], bool]) -> bool:
    if fault["type"] == "extra_forbidden":
        return False  # the key is a literal, whatever its value will be
    given = fault["input"]
    if fault["type"].startswith("union_tag") and isinstance(given, Mapping):
        given = given.get("type")
    return unknown(given)


def _path(name: str, loc: tuple[int | str, ...]) -> str:
    # A discriminated union puts its tag into the path: no key of the author's.
    parts = [part for part in loc if part not in ("TILING", "CROP")]
    return name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)


def _sentence(model: type[BaseModel], fault: Mapping[str, Any]) -> str:
    kind, given, context = fault["type"], fault["input"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        key = str(fault["loc"][-1])
        known = _keys_at(model, fault["loc"][:-1])
        return "unknown key" + (_did_you_mean(key, known) or f"; known are {', '.join(known)}")
    if kind == "missing":
        return "is required"
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'|(\d+)", str(context["expected"]))
        choices = [text or number for text, number in options]
        return f"{_shown(given)} is not one of {', '.join(choices)}" + _did_you_mean(str(given), choices)
    if kind in _BOUNDS:
        bound = _BOUNDS[kind]
        return f"{_shown(given)} is out of range; it must be {_WORDS[bound]} {context[bound]:g}"
    if kind.split("_")[0] in _KINDS and kind.endswith(("_type", "_parsing", "_from_float", "_number")):
        return f"must be {_KINDS[kind.split('_')[0]]}, not {_described(given)}"
    if kind == "string_pattern_mismatch":
        return f"{_shown(given)} does not match {context['pattern']}"
    if kind == "too_short":
        return f"needs at least {context['min_length']} of them, not {context['actual_length']}"
    if kind == "union_tag_not_found":
        return f"needs the key {context['discriminator']}"
    if kind == "union_tag_invalid":
        return f"type {context['tag']!r} is not one of {context['expected_tags']}"
    return str(fault["msg"])[:1].lower() + str(fault["msg"])[1:]


def _did_you_mean(given: str, options: list[str]) -> str:
    by_lower = {option.lower(): option for option in options}
    close = difflib.get_close_matches(given.lower(), by_lower, n=1)
    return f"; did you mean '{by_lower[close[0]]}'?" if close else ""


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys that are known where the wrong one stands."""
    here: type[BaseModel] | None = model
    for part in loc:
        if here is not None and isinstance(part, str) and (field := _field(here, part)) is not None:
            here = _model_in(field)
    return list(here.model_fields) if here else []


def _field(model: type[BaseModel], key: str) -> Any:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return field.annotation
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The first model that an annotation such as ``list[X] | None`` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and get_origin(annotation) is None:
        return annotation
    found = (_model_in(inner) for inner in get_args(annotation))
    return next((model for model in found if model), None)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _described(value: Any) -> str:
    names = {str: "the string", bool: "the boolean", int: "the integer", float: "the number", type(None): ""}
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__}"
    if isinstance(value, Mapping):
        return "a dict"
    return f"{names.get(type(value), 'the ' + type(value).__name__)} {_shown(value)}".strip()
