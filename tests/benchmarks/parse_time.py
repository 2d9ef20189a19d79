"""What loading a DAG file costs, beyond ``import airflow.sdk``: ours beside one of the dbt Cloud provider's.

Each figure is a process of its own, in turns, so that a busy machine is unkind to both; compiled files are warm. Run by
``make bench``; prints, and judges nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 7
HEAVY = ("boto3", "botocore", "google", "azure", "requests", "httpx", "numpy", "obstore", "PIL")
OURS = Path(__file__).parents[2] / "dags" / "nightly_curation.py"
DBT = """
from airflow.sdk import DAG
from airflow.providers.dbt.cloud.operators.dbt import DbtCloudRunJobOperator
with DAG("dbt"):
    DbtCloudRunJobOperator(task_id="run", job_id=1, deferrable=True)
"""
# Runs in a fresh interpreter: seconds for airflow.sdk, seconds for the file, and what of HEAVY came with it.
PROBE = """
import runpy, sys, time
start = time.perf_counter(); import airflow.sdk; from airflow.sdk import DAG, task, BaseOperator, BaseHook
sdk = time.perf_counter() - start
before = set(sys.modules)
start = time.perf_counter(); runpy.run_path(sys.argv[1]); spent = time.perf_counter() - start
new = {name.split('.')[0] for name in set(sys.modules) - before}
print(sdk, spent, ','.join(sorted(new & set(sys.argv[2].split(',')))))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        dbt = Path(folder) / "dbt_cloud.py"
        dbt.write_text(DBT)
        files = {"nightly_curation": OURS, "dbt cloud": dbt}
        measured: dict[str, list[float]] = {name: [] for name in files}
        heavy: dict[str, str] = {}
        sdk: list[float] = []
        for turn in range(RUNS + 1):
            for name, path in files.items():
                sdk_seconds, seconds, heavy[name] = probe(path, folder)
                if turn:  # the first turn compiles
                    measured[name].append(seconds)
                    sdk.append(sdk_seconds)
    print(f"airflow.sdk alone: {statistics.median(sdk) * 1000:.0f} ms (median of {len(sdk)})")
    for name, values in measured.items():
        low, middle, high = min(values) * 1000, statistics.median(values) * 1000, max(values) * 1000
        print(
            f"{name}: +{middle:.0f} ms (min {low:.0f}, max {high:.0f}); imports of heavy packages: {heavy[name] or 'none'}"
        )
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*measured.values(), strict=True))
    print(f"ours / dbt cloud: {ratio:.2f} (median of {RUNS} pairs)")


def probe(path: Path, home: str) -> tuple[float, float, str]:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"AIRFLOW_HOME": home, "PYTHONPYCACHEPREFIX": f"{home}/pyc", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path), ",".join(HEAVY)], env=env, capture_output=True, text=True, check=True
    )
    sdk, spent, found = done.stdout.splitlines()[-1].split(" ")
    return float(sdk), float(spent), found


if __name__ == "__main__":
    main()
