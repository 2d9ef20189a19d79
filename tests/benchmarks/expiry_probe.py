"""One measurement of the benchmark of input expiration, in a fresh interpreter: prints what it took as JSON.

``python -m tests.benchmarks.expiry_probe WAY URL BUCKET``, where the way is one of ``WAYS``.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Any

import boto3
from pydantic import SecretStr

from lightly_airflow.contract.models.datasources import S3Config
from lightly_airflow.storage.lifecycle.columns import microseconds
from lightly_airflow.storage.lifecycle.survey import Survey
from lightly_airflow.storage.reach import Reach
from lightly_airflow.storage.survey import s3  # noqa: F401 - loaded before the clock starts, as boto3 is
from lightly_airflow.storage.survey.inputs import read_rules, survey_inputs
from tests.benchmarks.expiry_rules import DIRECTORY, NOW

HEADS = 300


def survey(url: str, bucket: str) -> int:
    """What the package does: the rules, one listing, and when each object expires."""
    config = S3Config(
        purpose="INPUT",
        full_path=f"s3://{bucket}/{DIRECTORY}",
        s3_region="us-east-1",
        s3_access_key_id=SecretStr("key"),
        s3_secret_access_key=SecretStr("secret"),
    )
    reach, empty = Reach(endpoint=url), Survey(microseconds(NOW), microseconds(NOW + timedelta(days=1)))
    done = survey_inputs(empty, config, read_rules(config, reach), "Images", reach=reach)
    return done.inputs + done.ignored


def paginator(url: str, bucket: str) -> int:
    """boto3's own listing, of which nothing is made."""
    pages = _client(url).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DIRECTORY)
    return sum(len(page["Contents"]) for page in pages)


def heads(url: str, bucket: str) -> int:
    """A HEAD of each object of a sample, one after the other."""
    client = _client(url)
    page = client.list_objects_v2(Bucket=bucket, Prefix=DIRECTORY)
    return sum(
        "Expiration" in client.head_object(Bucket=bucket, Key=one["Key"]) for one in islice(page["Contents"], HEADS)
    )


def _client(url: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )


WAYS: dict[str, Callable[[str, str], int]] = {"survey": survey, "paginator": paginator, "heads": heads}


def main() -> None:
    way, url, bucket = sys.argv[1:]
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    objects = WAYS[way](url, bucket)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    grown = (after.ru_maxrss - before.ru_maxrss) / 1024  # kibibytes on Linux
    print(json.dumps({"objects": objects, "seconds": seconds, "cpu": cpu, "mebibytes": grown}))


if __name__ == "__main__":
    main()
