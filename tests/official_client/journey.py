"""The documented journey of LightlyOne's own Python client, as one of its users would write it.

Runs in the client's own environment and prints, as JSON, what the client returned. The client finds the emulator through
LIGHTLY_SERVER_LOCATION and LIGHTLY_TOKEN alone. Arguments: an access key id, its secret, a directory for downloads, and how
many images to select.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from lightly.api import ApiWorkflowClient
from lightly.openapi_generated.swagger_client.models import DatasetType, DatasourcePurpose

NAME = "official-journey"
STRATEGY = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}


def main(key: str, secret: str, downloads: Path, n_samples: int) -> dict[str, Any]:
    client = ApiWorkflowClient()
    client.register_compute_worker(name="another worker", labels=["gpu"])
    client.create_dataset(dataset_name=NAME, dataset_type=DatasetType.IMAGES)
    dataset_id = client.dataset_id
    for purpose in (DatasourcePurpose.INPUT, DatasourcePurpose.LIGHTLY):
        path = f"s3://cameras/{purpose.lower()}/"
        client.set_s3_config(path, "eu-central-1", access_key=key, secret_access_key=secret, purpose=purpose)
    told = {
        "permissions": client.list_datasource_permissions(),
        "exists": client.dataset_exists(dataset_id),
        "datasets": [dataset.name for dataset in client.get_datasets()],
        "by name": [dataset.id == dataset_id for dataset in client.get_datasets_by_name(NAME)],
        "raw samples": sorted(name for name, _url in client.download_raw_samples()),
        **_run(client, downloads, n_samples),
        "workers": {worker.name: worker.labels for worker in client.get_compute_workers()},
        "datasource": client.get_datasource().to_dict(by_alias=True),
    }
    client.delete_dataset_by_id(dataset_id)
    return {**told, "exists after deletion": client.dataset_exists(dataset_id)}


def _run(client: ApiWorkflowClient, downloads: Path, n_samples: int) -> dict[str, Any]:
    scheduled_run_id = client.schedule_compute_worker_run(
        worker_config={"use_datapool": True, "datasource": {"process_all": True}},
        selection_config={"n_samples": n_samples, "strategies": [STRATEGY]},
    )
    queue = [entry.id for entry in client.get_scheduled_compute_worker_runs()]
    # The generator sleeps 30 s between two looks. It is asked once the run has ended, so that it need not sleep.
    while not client.get_compute_worker_run_info(scheduled_run_id).in_end_state():
        time.sleep(0.2)
    states = [info.state for info in client.compute_worker_run_info_generator(scheduled_run_id)]
    run = client.get_compute_worker_run_from_scheduled_run(scheduled_run_id)
    tag = client.get_compute_worker_run_tags(run.id)[0]
    client.download_compute_worker_run_report_pdf(run=run, output_path=str(downloads / "report.pdf"))
    client.download_compute_worker_run_log(run=run, output_path=str(downloads / "log.txt"))
    client.download_compute_worker_run_corruptness_check_information(
        run=run, output_path=str(downloads / "corrupt.json")
    )
    return {
        "queue": [entry == scheduled_run_id for entry in queue],
        "states": states,
        "message": client.get_compute_worker_run(run.id).message,
        "runs": [found.id == run.id for found in client.get_compute_worker_runs(client.dataset_id)],
        "selected": client.export_filenames_by_tag_name(tag.name).splitlines(),
        "with URLs": client.export_filenames_and_read_urls_by_tag_name(tag.name),
        "in the tag": client.get_filenames_in_tag(tag),
        "filenames": client.get_filenames(),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
