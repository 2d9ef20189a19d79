"""Sets datasources with the helpers of LightlyOne's own Python client, as one of its users would.

Runs in the client's own environment, and finds the emulator through LIGHTLY_SERVER_LOCATION and LIGHTLY_TOKEN alone. Reads from
stdin, as JSON: dataset name -> datasources, each as name of the client's helper, path, and the helper's other arguments.
Prints, as JSON: dataset name -> id.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from lightly.api import ApiWorkflowClient
from lightly.openapi_generated.swagger_client.models import DatasetType


def main(wanted: dict[str, list[tuple[str, str, dict[str, Any]]]]) -> dict[str, str]:
    client = ApiWorkflowClient()
    ids = {}
    for name, datasources in wanted.items():
        client.create_dataset(dataset_name=name, dataset_type=DatasetType.IMAGES)
        for helper, path, options in datasources:
            getattr(client, helper)(path, **options)
        ids[name] = client.dataset_id
    return ids


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
