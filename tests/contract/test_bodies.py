"""What bodies look like on the wire, and where secrets show."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from lightly_airflow.contract.models.base import Model, wire
from lightly_airflow.contract.models.datasets import DatasetCreateRequest, DatasetData
from lightly_airflow.contract.models.datasources import AzureConfig, GcsConfig, ObsConfig, S3Config
from lightly_airflow.contract.models.runs import Run, ScheduledRun
from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.models.worker_config import LightlyConfig, RunConfig, RunConfigCreateRequest, WorkerConfig

ID = "0123456789abcdef01234567"
SECRET = SecretStr("hush")
RUN = {"id": ID, "userId": "u", "dockerVersion": "2.11", "state": "TRAINING", "createdAt": 1, "lastModifiedAt": 2}
SCHEDULED = {
    "id": ID, "datasetId": ID, "configId": ID, "priority": "URGENT", "runsOn": [], "state": "PARKED",
    "createdAt": 1, "lastModifiedAt": 2,
}  # fmt: skip
TAG = {"id": ID, "datasetId": ID, "prevTagId": None, "name": "t", "bitMaskData": "0x0", "totSize": 4, "createdAt": 1}


def s3(**more: Any) -> S3Config:
    return S3Config(
        purpose="INPUT",
        full_path="s3://cameras/input/",
        s3_region="eu-central-1",
        s3_access_key_id=SECRET,
        s3_secret_access_key=SECRET,
        **more,
    )


def test_a_run_config_travels_as_the_official_client_sends_it() -> None:
    """The body is the one that was recorded from LightlyOne's own client 1.5.26."""
    config = RunConfig(
        docker=WorkerConfig.model_validate(
            {
                "datasource": {
                    "process_all": True,
                    "input_expiration": {"min_days_to_expiration": 5, "handling_strategy": "SKIP"},
                },
                "use_datapool": True,
            }
        ),
        lightly=LightlyConfig.model_validate({"loader": {"batch_size": 8}}),
        selection=SelectionConfig.model_validate(
            {
                "n_samples": 5,
                "strategies": [
                    {
                        "input": {"type": "EMBEDDINGS"},
                        "strategy": {
                            "type": "DIVERSITY",
                            "stopping_condition_minimum_distance": 0.2,
                            "strength": 0.5,
                        },
                    }
                ],
                "auto_tasks": [{"type": "TILING", "name": "tiles", "num_rows": 2, "num_cols": 3, "overlap": 0.0}],
            }
        ),
    )
    assert wire(RunConfigCreateRequest(config=config, creator="USER_PIP")) == {
        "version": "V4",
        "creator": "USER_PIP",
        "config": {
            "workerType": "FULL",
            "docker": {
                "datasource": {
                    "processAll": True,
                    "inputExpiration": {"minDaysToExpiration": 5, "handlingStrategy": "SKIP"},
                },
                "useDatapool": True,
            },
            "lightly": {"loader": {"batchSize": 8}},
            "selection": {
                "nSamples": 5,
                "strategies": [
                    {
                        "input": {"type": "EMBEDDINGS"},
                        "strategy": {
                            "type": "DIVERSITY",
                            "stopping_condition_minimum_distance": 0.2,
                            "strength": 0.5,
                        },
                    }
                ],
                "autoTasks": [{"type": "TILING", "name": "tiles", "numRows": 2, "numCols": 3, "overlap": 0.0}],
            },
        },
    }


def test_unset_members_do_not_travel() -> None:
    """Neither an unset member nor one set to None is sent."""
    assert wire(DatasetCreateRequest(name="cars", img_type=None)) == {"name": "cars"}


def test_secrets_travel_in_clear() -> None:
    """Only wire() makes the body that LightlyOne can use."""
    assert wire(s3(s3_server_side_encryption_kms_key="arn:aws:kms:eu:123456789012:key/a")) == {
        "type": "S3",
        "purpose": "INPUT",
        "fullPath": "s3://cameras/input/",
        "s3Region": "eu-central-1",
        "s3AccessKeyId": "hush",
        "s3SecretAccessKey": "hush",
        "s3ServerSideEncryptionKMSKey": "arn:aws:kms:eu:123456789012:key/a",
    }


@pytest.mark.parametrize(
    "config",
    [
        s3(),
        AzureConfig(purpose="LIGHTLY", full_path="c/p", account_name="a", account_key=SECRET),
        GcsConfig(purpose="INPUT", full_path="gs://b/p", gcs_project_id="p", gcs_credentials=SECRET),
        ObsConfig(
            purpose="INPUT",
            full_path="obs://b/p",
            obs_endpoint="https://obs",
            obs_access_key_id=SECRET,
            obs_secret_access_key=SECRET,
        ),
    ],
    ids=lambda config: config.type,
)
def test_secrets_hide_everywhere_else(config: BaseModel) -> None:
    """No text of a datasource shows what is secret in it."""
    assert "hush" not in f"{config!r} {config} {config.model_dump()}"
    assert "hush" in wire(config).values()


def test_errors_do_not_echo_what_was_given() -> None:
    """A secret in the wrong place must not stand in the exception's text."""
    with pytest.raises(ValidationError) as caught:
        S3Config.model_validate({"s3AccessKeyId": ["hush"], "hushKey": "hush"})
    assert "hush'" not in str(caught.value)


@pytest.mark.parametrize("path", ["n_samples", "nSamples"])
def test_both_spellings_are_read(path: str) -> None:
    """Authors may write names as in LightlyOne's docs or as on the wire."""
    entry = {"input": {"type": "RANDOM"}, "strategy": {"type": "WEIGHTS"}}
    assert SelectionConfig.model_validate({path: 5, "strategies": [entry]}).n_samples == 5


@pytest.mark.parametrize(
    ("model", "answer"),
    [(Run, RUN | {"state": "DREAMING"}), (ScheduledRun, SCHEDULED), (Tag, TAG)],
    ids=["run", "scheduled run", "tag"],
)
def test_answers_may_hold_what_is_new(model: type[Model], answer: dict[str, Any]) -> None:
    """A state or a member that LightlyOne adds later breaks nothing."""
    read = model.model_validate(answer | {"moodRing": "blue", "labels": {"a": [1]}})
    assert not hasattr(read, "moodRing")
    assert getattr(read, "state", None) == answer.get("state")


@pytest.mark.parametrize(
    ("mask", "size"), [("0x0", 0), ("0x1", 1), ("0xf0", 4), ("0x" + "f" * 2500, 10_000)], ids=["0", "1", "4", "10000"]
)
def test_a_tag_counts_its_samples(mask: str, size: int) -> None:
    """Each set bit is one sample, and the mask stays out of repr."""
    tag = Tag.model_validate(TAG | {"bitMaskData": mask})
    assert tag.size == size
    assert mask not in repr(tag)


def test_models_pickle() -> None:
    """A run crosses processes inside a view."""
    run = Run.model_validate(RUN)
    assert pickle.loads(pickle.dumps(run)) == run


@pytest.mark.parametrize("member", ["id", "name", "userId", "type", "nSamples", "createdAt"])
def test_a_promised_member_must_be_there(member: str) -> None:
    """An answer without what the API promises is not read as half a dataset."""
    answer = {
        "id": ID, "name": "cars", "userId": "u", "type": "Images", "nSamples": 0, "sizeInBytes": 0,
        "createdAt": 1, "lastModifiedAt": 1,
    }  # fmt: skip
    assert DatasetData.model_validate(answer).name == "cars"
    del answer[member]
    with pytest.raises(ValidationError):
        DatasetData.model_validate(answer)
