"""What is selected, and by which strategies: ``selection_config`` in LightlyOne's docs (SelectionConfigV4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lightly_airflow.contract.models.base import Id, RequestModel, TagName, TaskName

InputType = Literal["EMBEDDINGS", "SCORES", "METADATA", "PREDICTIONS", "RANDOM"]
StrategyType = Literal["DIVERSITY", "WEIGHTS", "THRESHOLD", "BALANCE", "SIMILARITY", "TYPICALITY"]
MAX_STRENGTH = 1_000_000_000


class TargetRange(RequestModel):
    """Between which sums the selected samples' values may end (WEIGHTS only)."""

    min_sum: Annotated[float, Field(ge=0)] | None = None
    max_sum: Annotated[float, Field(ge=0)] | None = None


class SelectionInput(RequestModel):
    """What a strategy looks at: embeddings, scores, metadata, predictions or chance."""

    type: InputType
    task: TaskName | None = None
    score: Annotated[TaskName, Field(min_length=1)] | None = None
    key: Annotated[str, Field(min_length=1)] | None = None
    name: Literal["CLASS_DISTRIBUTION", "CATEGORY_COUNT"] | None = None
    dataset_id: Id | None = None
    tag_name: TagName | None = None
    random_seed: int | None = None
    categories: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None


class SelectionStrategy(RequestModel):
    """What a strategy does with it. ``strength`` is an exponent: 0 switches a strategy off, below 0 inverts it."""

    type: StrategyType
    # The API spells this one member, alone among its neighbours, in snake_case.
    stopping_condition_minimum_distance: float | None = Field(default=None, alias="stopping_condition_minimum_distance")
    threshold: float | None = None
    operation: Literal["SMALLER", "SMALLER_EQUAL", "BIGGER", "BIGGER_EQUAL"] | None = None
    target: dict[str, Annotated[float, Field(ge=0)]] | None = None
    num_nearest_neighbors: Annotated[int, Field(ge=2)] | None = None
    stopping_condition_minimum_typicality: Annotated[float, Field(gt=0)] | None = None
    strength: Annotated[float, Field(ge=-MAX_STRENGTH, le=MAX_STRENGTH)] | None = None
    stopping_condition_max_sum: Annotated[float, Field(ge=0)] | None = None
    target_range: TargetRange | None = None
    distribution: Literal["TARGET", "UNIFORM", "INPUT"] | None = None


class SelectionEntry(RequestModel):
    """One input with one strategy."""

    input: SelectionInput
    strategy: SelectionStrategy


class AutoTaskTiling(RequestModel):
    """Pseudo-predictions: the image cut into tiles."""

    type: Literal["TILING"]
    name: TaskName
    num_rows: Annotated[int, Field(ge=1)]
    num_cols: Annotated[int, Field(ge=1)]
    overlap: Annotated[float, Field(ge=0)] | None = None


class AutoTaskCrop(RequestModel):
    """Pseudo-predictions: fixed boxes ``[x, y, width, height]``, each a fraction of the image."""

    type: Literal["CROP"]
    name: TaskName
    bboxs: Annotated[
        list[Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=4, max_length=4)]],
        Field(min_length=1),
    ]


class SelectionConfig(RequestModel):
    """How many samples to select, and how. Of ``n_samples`` and ``proportion_samples`` the smaller result holds."""

    n_samples: Annotated[int, Field(ge=-1)] | None = None
    proportion_samples: Annotated[float, Field(ge=0, le=1)] | None = None
    strategies: Annotated[list[SelectionEntry], Field(min_length=1)]
    lightly_path_regex: Annotated[str, Field(min_length=1)] | None = None
    auto_tasks: list[Annotated[AutoTaskTiling | AutoTaskCrop, Field(discriminator="type")]] | None = None
