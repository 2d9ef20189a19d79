"""What came of a run: its tag, and the counts of its report."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from lightly_airflow.contract.errors import LightlyAnswerError, LightlyError, error_from
from lightly_airflow.contract.models.runs import Run
from lightly_airflow.contract.models.tags import Tag
from lightly_airflow.contract.operations import runs
from lightly_airflow.contract.wire import Call, Flow, Request, Response

# Names in the result of the names in the report (ReportV2, generalInformation.datasetInformation.datasetSizes).
COUNTS = {"input": "nInput", "corrupt": "nCorrupt", "duplicates": "nDuplicate", "selected": "nSelected"}
_SIGNED_FILE = "GET (signed file)"


@dataclass(frozen=True, slots=True)
class RunResult:
    """The tag that a completed run made, and how many files were read, left out and selected."""

    tag_name: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


def run_result(run: Run) -> Flow[RunResult]:
    """The run's tag and counts. A run may have no report to count from; ``selected`` is told even then."""
    tag = yield from _tag(run)
    counts = yield from _counts(run)
    if tag is not None:
        counts.setdefault("selected", tag.size)
    return RunResult(tag.name if tag else None, counts)


def read_file(url: str) -> Call[bytes]:
    """GET of a signed URL: a file of LightlyOne's or of the datasource, without the token."""
    return Call(Request("GET", url, _SIGNED_FILE), _file_bytes)


def _file_bytes(response: Response) -> bytes:
    if response.status != 200:
        raise error_from(response, _SIGNED_FILE)
    return response.body


def _read_json(url: str) -> Call[Any]:
    """:func:`read_file` of a JSON file. One that is none, such as half of one, is asked for again like any bad answer."""
    return Call(read_file(url).request, _file_json)


def _file_json(response: Response) -> Any:
    try:
        return json.loads(_file_bytes(response))
    except ValueError:
        where = "it is no JSON"
    raise LightlyAnswerError(_SIGNED_FILE, response.status, where)


def _tag(run: Run) -> Flow[Tag | None]:
    found = yield from runs.run_tags(run.id)
    return next((tag for tag in found if tag.dataset_id == run.dataset_id), None)


def _counts(run: Run) -> Flow[dict[str, int]]:
    report = next((one for one in run.artifacts or [] if one.type == "REPORT_V2_JSON"), None)
    if report is None:
        return {}
    try:
        url = yield from runs.artifact_read_url(run.id, report.id)
        return _sizes((yield from _read_json(url)))
    except LightlyError:
        return {}  # the run has succeeded; a report that cannot be read must not fail its task


def _sizes(report: Any) -> dict[str, int]:
    try:
        sizes: Any = report["generalInformation"]["datasetInformation"]["datasetSizes"]
        return {ours: int(sizes[theirs]) for ours, theirs in COUNTS.items() if sizes.get(theirs) is not None}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return {}
