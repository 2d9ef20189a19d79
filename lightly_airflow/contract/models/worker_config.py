"""The worker's configuration, version V4: ``docker`` (what it does), ``lightly`` (how it trains), ``selection``.

Every field is optional in the API, and an unset one takes the worker's own default. Ranges are the API's; meanings are
those of https://docs.lightly.ai/docs/all-configuration-options.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from lightly_airflow.contract.models.base import AnswerModel, Id, Milliseconds, RequestModel, TaskName
from lightly_airflow.contract.models.datasets import Creator
from lightly_airflow.contract.models.selection import SelectionConfig

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
CountOrAuto = Annotated[int, Field(ge=-1)]


def _number(value: Any) -> Any:
    # Elsewhere pydantic itself reads the number in what Jinja has rendered, but not where single values are listed.
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class CorruptnessCheck(RequestModel):
    """``corruption_threshold``: the largest fraction of corrupt files that is tolerated."""

    corruption_threshold: Fraction | None = None


class InputExpiration(RequestModel):
    """What to do with inputs that a bucket's lifecycle rules remove too soon; S3 only, both members needed."""

    min_days_to_expiration: NonNegative
    handling_strategy: Literal["SKIP", "ABORT"]


class WorkerDatasource(RequestModel):
    """How the worker treats the datasource."""

    bypass_verify: bool | None = None
    enable_datapool_update: bool | None = None
    process_all: bool | None = None
    input_expiration: InputExpiration | None = None


class Crops(RequestModel):
    """Whether object crops become a dataset of their own."""

    enable_upload: bool | None = None
    enable_upload_for_tasks: list[str] | None = None


class Training(RequestModel):
    """``task_name``: train on the crops of this prediction task."""

    task_name: TaskName | None = None


class WorkerConfig(RequestModel):
    """What the worker does with the dataset: ``worker_config`` in LightlyOne's docs, ``docker`` on the wire."""

    checkpoint: str | None = None
    checkpoint_run_id: Id | None = None
    corruptness_check: CorruptnessCheck | None = None
    datasource: WorkerDatasource | None = None
    crops: Crops | None = None
    embeddings: str | None = None
    enable_training: bool | None = None
    training: Training | None = None
    normalize_embeddings: bool | None = None
    num_processes: CountOrAuto | None = None
    num_threads: CountOrAuto | None = None
    output_image_format: str | None = None
    pretagging: bool | None = None
    pretagging_upload: bool | None = None
    relevant_filenames_file: str | None = None
    selected_sequence_length: Count | None = None
    upload_report: bool | None = None
    use_datapool: bool | None = None
    shutdown_when_job_finished: bool | None = None
    cache_size: CountOrAuto | None = None


class CheckpointCallback(RequestModel):
    """Which checkpoints training keeps."""

    save_last: bool | None = None


class Loader(RequestModel):
    """Training's data loader."""

    batch_size: Count | None = None
    shuffle: bool | None = None
    num_workers: CountOrAuto | None = None
    drop_last: bool | None = None


class TrainedModel(RequestModel):
    """The model that is trained."""

    name: Literal["resnet-18", "resnet-34", "resnet-50", "resnet-101", "resnet-152"] | None = None
    out_dim: Count | None = None
    num_ftrs: Count | None = None
    width: Count | None = None


class Trainer(RequestModel):
    """How long and on what training runs."""

    gpus: Annotated[int, Field(ge=0)] | None = None
    max_epochs: Annotated[int, Field(ge=0)] | None = None
    precision: Annotated[Literal[16, 32] | None, BeforeValidator(_number)] = None


class Criterion(RequestModel):
    """Training's loss."""

    temperature: Positive | None = None


class Optimizer(RequestModel):
    """Training's optimiser."""

    lr: NonNegative | None = None
    weight_decay: Fraction | None = None


class Collate(RequestModel):
    """Training's augmentations."""

    input_size: Count | None = None
    cj_prob: Fraction | None = None
    cj_bright: Fraction | None = None
    cj_contrast: Fraction | None = None
    cj_sat: Fraction | None = None
    cj_hue: Fraction | None = None
    min_scale: Fraction | None = None
    random_gray_scale: Fraction | None = None
    gaussian_blur: Fraction | None = None
    kernel_size: NonNegative | None = None
    sigmas: Annotated[list[Positive], Field(min_length=2, max_length=2)] | None = None
    vf_prob: Fraction | None = None
    hf_prob: Fraction | None = None
    rr_prob: Fraction | None = None
    rr_degrees: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None


class LightlyConfig(RequestModel):
    """How the worker trains, where training is enabled: ``lightly_config`` in LightlyOne's docs."""

    seed: int | None = None
    checkpoint_callback: CheckpointCallback | None = None
    loader: Loader | None = None
    model: TrainedModel | None = None
    trainer: Trainer | None = None
    criterion: Criterion | None = None
    optimizer: Optimizer | None = None
    collate: Collate | None = None


class RunConfig(RequestModel):
    """All three configurations together, as the worker reads them."""

    worker_type: Literal["FULL"] = "FULL"
    docker: WorkerConfig | None = None
    lightly: LightlyConfig | None = None
    selection: SelectionConfig | None = None


class RunConfigCreateRequest(RequestModel):
    """POST /v1/docker/worker/config/vX"""

    version: Literal["V4"] = "V4"
    creator: Creator | None = None
    config: RunConfig


class RunConfigData(AnswerModel):
    """GET /v1/docker/worker/config/vX/{configId}"""

    id: Id
    version: str
    created_at: Milliseconds
    config: RunConfig
