"""report_v2.json: the run in numbers, in the shape of the API's ReportV2."""

from __future__ import annotations

from typing import Any

from lightly_airflow.emulator.worker.summary import Summary

VERSION = "emulator"
_NO_SAVINGS = {"costSavings": 0.0, "co2Savings": 0.0}


def report_v2(summary: Summary) -> dict[str, Any]:
    """The report's first part; its other two parts, both optional, hold plots that the emulator does not draw."""
    return {
        "generalInformation": {
            "workerInformation": {"buildTime": "", "buildVersion": VERSION},
            "runInformation": _run(summary),
            "datasetInformation": _dataset(summary),
            # What labelling would have cost is LightlyOne's own estimate.
            "annotationSavings": dict.fromkeys(
                ("imageClassification", "objectDetection", "semanticSegmentation"), _NO_SAVINGS
            ),
            "selectedAndRemovedImageExamples": [],
        }
    }


def _run(summary: Summary) -> dict[str, Any]:
    return {
        "startTimestamp": summary.started,
        "endTimestamp": summary.ended,
        "totalProcessingTimeS": summary.ended - summary.started,
        "runId": summary.run_id,
        "runUrl": "",
    }


def _dataset(summary: Summary) -> dict[str, Any]:
    n_selected = len(summary.selected)
    sizes = {
        "nInput": summary.n_input,
        "nCorrupt": len(summary.corrupt),
        "nDuplicate": summary.n_duplicate,
        "nRemoved": summary.n_input - n_selected,
        "nSelected": n_selected,
        "nPreselectedDatapool": summary.n_pool,
        "nSelectedWithDatapool": summary.n_pool + n_selected,
    }
    identity = {"datasetId": summary.dataset_id, "datasetUrl": "", "datasetName": summary.dataset_name}
    return {"datasetSizes": sizes, **identity}
