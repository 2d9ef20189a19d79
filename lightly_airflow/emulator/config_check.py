"""Does a run's configuration fit its dataset? Checked when the run is scheduled, as LightlyOne does."""

from __future__ import annotations

from lightly_airflow.contract.models.datasets import DatasetData
from lightly_airflow.contract.models.worker_config import RunConfig
from lightly_airflow.contract.rules import config_problems, expiration_problem
from lightly_airflow.emulator.buckets import open_bucket
from lightly_airflow.emulator.refusal import Refusal
from lightly_airflow.emulator.world import World
from lightly_airflow.storage.directory import StorageError
from lightly_airflow.storage.objects import read_object


def check_config(world: World, dataset: DatasetData, config: RunConfig, *, files: bool) -> None:
    """Refuse what cannot work. LightlyOne documents the statuses 400, 404 and 422; the codes here are guesses.

    :param files: also look for the relevant filenames file in the Lightly datasource.
    :raises Refusal: a datasource is missing, the configuration contradicts itself, or a file is not there.
    """
    for purpose in ("INPUT", "LIGHTLY"):
        if world.datasource_config(dataset.id, purpose) is None:
            raise Refusal(400, "DATASET_DATASOURCE_INVALID", f"the dataset has no {purpose} datasource; set one first")
    if problems := config_problems(config):
        raise Refusal(400, "DOCKER_WORKER_CONFIG_INVALID", "; ".join(problems))
    _check_expiration(world, dataset.id, config)
    if files and config.docker and config.docker.relevant_filenames_file:
        _check_relevant_filenames(world, dataset.id, config.docker.relevant_filenames_file)


def _check_expiration(world: World, dataset_id: str, config: RunConfig) -> None:
    source = world.datasource_config(dataset_id, "INPUT")
    if source and (problem := expiration_problem(config, source.type)):
        raise Refusal(400, "DOCKER_WORKER_CONFIG_NOT_COMPATIBLE_WITH_DATASOURCE", problem)


def _check_relevant_filenames(world: World, dataset_id: str, path: str) -> None:
    try:
        read_object(open_bucket(world, dataset_id, "LIGHTLY"), path)
    except StorageError as error:
        reason = f"relevantFilenamesFile: {error}"
        raise Refusal(422, "DATASET_DATASOURCE_RELEVANT_FILENAMES_INVALID", reason) from None
