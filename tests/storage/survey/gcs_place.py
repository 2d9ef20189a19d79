"""A Google datasource, and its survey, for the tests beside this file."""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import GcsConfig
from lightly_airflow.storage.lifecycle.columns import DAY
from lightly_airflow.storage.lifecycle.survey import Survey
from lightly_airflow.storage.reach import HERE, Reach
from lightly_airflow.storage.survey.inputs import read_rules, survey_inputs
from tests.gcs_server import GcsServer
from tests.storage.lifecycle.gcs_buckets import NOW, at, delete

PLACE = "gs://cameras/raw/"
WEEK = delete(age=7)


def config(key: Any, path: str = PLACE) -> GcsConfig:
    return GcsConfig(purpose="INPUT", full_path=path, gcs_project_id="p", gcs_credentials=SecretStr(json.dumps(key)))


def surveyed(given: GcsConfig, *, reach: Reach = HERE, last: float = 3, **more: Any) -> Survey:
    """The survey at ``NOW`` of inputs that have to last so many days."""
    survey = Survey(now=at(NOW), until=at(NOW) + int(last * DAY))
    return survey_inputs(survey, given, read_rules(given, reach), "Images", reach=reach, **more)


def curator(gcs: GcsServer) -> dict[str, str]:
    """The key of an account that may list and see the rules."""
    return gcs.service_account("curator", "list", "buckets.get")
