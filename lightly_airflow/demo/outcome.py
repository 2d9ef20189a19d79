"""What the run came to, as LightlyOne and the bucket tell it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lightly_airflow.client.drive import drive
from lightly_airflow.client.flows.results import read_file
from lightly_airflow.client.settings import ApiSettings
from lightly_airflow.client.transports import RequestsTransport
from lightly_airflow.contract.files import is_image
from lightly_airflow.contract.operations import datasets, runs, tags
from lightly_airflow.contract.wire import Conversation, Flow
from lightly_airflow.demo.stage import BUCKET, DATASET, Stage

T = TypeVar("T")
# Where LightlyOne keeps what it writes into a Lightly datasource.
_RESULTS = "lightly/.lightly/"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run.

    :param selected: the selected files.
    :param corrupt: the images that could not be decoded, and why.
    :param others: the files that are no images.
    :param written: what the run wrote into the bucket, as copies, for the S3 server ends with the demo.
    """

    selected: list[str]
    corrupt: dict[str, str]
    others: list[str]
    written: list[Path]


def outcome(stage: Stage, result: dict[str, Any]) -> Outcome:
    """Gathers the result of a run.

    :param result: what the task that waited for the run has returned.
    """
    selected = ask(stage.lightly, _selected(result["dataset_id"], result["tag_name"]))
    corrupt = ask(stage.lightly, _corrupt(result["run_id"]))
    others = [name for name in stage.pictures if not is_image(name)]
    return Outcome(selected, corrupt, others, _copy_results(stage))


def run_state(lightly: ApiSettings) -> str:
    """The state of the dataset's newest run, in LightlyOne's words; empty while there is none."""
    return ask(lightly, _run_state())


def save_page(stage: Stage) -> Path:
    """Saves the emulator's page, thumbnails inside, as a file that stands alone."""
    page = stage.folder / "page.html"
    page.write_bytes(ask(stage.lightly, read_file(f"{stage.lightly.app_url}/?embed=true")))
    return page


def ask(lightly: ApiSettings, talk: Conversation[T]) -> T:
    """Has a conversation with LightlyOne."""
    with RequestsTransport(lightly) as transport:
        return drive(talk, transport.send)


def _run_state() -> Flow[str]:
    found = yield from datasets.datasets_named(DATASET)
    made = (yield from runs.runs_of_dataset(found[0].id)) if found else []
    return max(made, key=lambda run: run.created_at).state if made else ""


def _selected(dataset_id: str, tag_name: str) -> Flow[list[str]]:
    found = yield from tags.list_tags(dataset_id)
    tag = next(tag for tag in found if tag.name == tag_name)
    names = yield from tags.EXPORT_FILENAMES.call(datasetId=dataset_id, tagId=tag.id, query={"fileNameFormat": "NAME"})
    return sorted(names.splitlines())


def _corrupt(run_id: str) -> Flow[dict[str, str]]:
    run = yield from runs.get_run(run_id)
    file = next(one for one in run.artifacts or [] if one.type == "CORRUPTNESS_CHECK_INFORMATION")
    url = yield from runs.artifact_read_url(run_id, file.id)
    told = json.loads((yield from read_file(url)))
    return {str(name): str(why) for name, why in told["corrupt_samples"].items()}


def _copy_results(stage: Stage) -> list[Path]:
    pages = stage.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=_RESULTS)
    return [_copy(stage, one["Key"]) for page in pages for one in page.get("Contents", [])]


def _copy(stage: Stage, key: str) -> Path:
    copy = stage.folder / BUCKET / key
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(stage.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    return copy
