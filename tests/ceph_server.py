"""Ceph with its S3 gateway, for tests: a real S3 server of Debian's packages, which `make ceph` installs."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from lightly_airflow.demo.processes import DemoError, child_environment, free_port, running, wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
_PATIENCE = 30.0  # seconds for one command, or for the gateway to come up: a busy machine takes several
_TRIES = 5  # Ceph's programs refuse each other now and then while they start, on a busy machine more often
# One node, in memory, without keys between its own parts, and nothing outside of its directory. The monitor's own pace
# (paxos_*) is made for networks: with it, a start takes eleven seconds instead of one. The programs know the monitor
# by its map, and are not to ask it for their configuration (--no-mon-config): they then forget the map, and are often refused
# because they talk of no fsid yet.
_CONFIG = """\
[global]
fsid = {fsid}
monmap = {home}/monmap
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv4 = true
ms_bind_msgr2 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 2147483648
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_crit = 0
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
run_dir = {home}
admin_socket =
log_file = {home}/$name.log
pid_file =
mon_data = {home}/mon
osd_data = {home}/osd
keyring = {home}/keyring
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_data = {home}/rgw
rgw_lc_debug_interval = {lc_debug_interval}
rgw_enable_ops_log = false
rgw_enable_usage_log = false
"""


@dataclass
class Ceph:
    """A running gateway and its first user, who may do everything in the buckets that it makes.

    :param url: of the gateway.
    :param config: Ceph's configuration file, with which its own programs find it.
    :param key: the user's access key id.
    :param secret: the user's secret access key.
    """

    url: str
    config: Path
    key: str = "CEPHADMINKEYID000001"
    secret: str = "ceph/admin+secret"
    _policies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
        )

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Stores an object; makes the bucket if need be."""
        if bucket not in [one["Name"] for one in self.client.list_buckets()["Buckets"]]:
            self.client.create_bucket(Bucket=bucket)
        self.client.put_object(Bucket=bucket, Key=key, Body=body)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def add_user(self, name: str, *allowed: tuple[str, str]) -> tuple[str, str]:
        """A user who may do what the pairs of action and resource say; the access key's id and secret.

        The pairs become policies of the buckets that their resources name, which have to exist.
        """
        self.admin("user", "create", f"--uid={name}", f"--display-name={name}")
        (key,) = self.admin("user", "info", f"--uid={name}")["keys"]
        for action, resource in allowed:
            self._allow(name, action, resource)
        return key["access_key"], key["secret_key"]

    def admin(self, *arguments: str) -> Any:
        """What ``radosgw-admin`` answers."""
        return json.loads(_ask(self.config, "radosgw-admin", "--no-mon-config", *arguments))

    def _allow(self, name: str, action: str, resource: str) -> None:
        bucket = resource.rpartition(":")[2].partition("/")[0]
        statements = self._policies.setdefault(bucket, [])
        principal = {"AWS": [f"arn:aws:iam:::user/{name}"]}
        statements.append({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource})
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


@contextmanager
def ceph_server(lc_debug_interval: int | None = None) -> Iterator[Ceph]:
    """A running Ceph, empty, on free ports; skips the test that asks for it if there is none to run.

    :param lc_debug_interval: how many seconds pass for a day when objects are deleted by a lifecycle rule; default: a day
        is a day. The ``x-amz-expiration`` header counts real days either way, as AWS does: it names the midnight, UTC,
        that follows the object's age in days (tried with Ceph 16.2).
    """
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"Ceph is not installed ({missing[0]} is missing): run make ceph as root on Debian or Ubuntu")
    with tempfile.TemporaryDirectory(prefix="ceph-") as directory, ExitStack() as programs:
        ceph = _started(Path(directory), lc_debug_interval, programs)
        try:
            yield ceph
        finally:
            ceph.client.close()


def _started(home: Path, lc_debug_interval: int | None, programs: ExitStack) -> Ceph:
    """Starts Ceph, whose parts end with ``programs``; anew where a start fails."""
    for number in range(1, _TRIES):
        with suppress(DemoError, RuntimeError, subprocess.TimeoutExpired):
            return _tried(home / str(number), lc_debug_interval, programs)
    return _tried(home / "last", lc_debug_interval, programs)


def _tried(home: Path, lc_debug_interval: int | None, programs: ExitStack) -> Ceph:
    with ExitStack() as parts:  # ends what has been started if the rest does not start
        ceph = _start_parts(home, lc_debug_interval, parts)
        programs.push(parts.pop_all())
    return ceph


def _start_parts(home: Path, lc_debug_interval: int | None, parts: ExitStack) -> Ceph:
    """Monitor, store and gateway."""
    fsid, port = str(uuid.uuid4()), free_port()
    for name in ("mon", "osd", "rgw"):
        (home / name).mkdir(parents=True)
    (home / "keyring").touch()
    config = home / "ceph.conf"
    interval = -1 if lc_debug_interval is None else lc_debug_interval
    config.write_text(_CONFIG.format(home=home, fsid=fsid, port=port, lc_debug_interval=interval))
    _start_monitor(home, config, fsid, parts)
    _start_store(home, config, parts)
    return _start_gateway(home, config, f"http://127.0.0.1:{port}", parts)


def _start_monitor(home: Path, config: Path, fsid: str, parts: ExitStack) -> None:
    address, monitors = f"[v1:127.0.0.1:{free_port()}]", str(home / "monmap")
    _ask(config, "monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monitors)
    _ask(config, "ceph-mon", "-i", "a", "--mkfs", "--monmap", monitors)
    _start(home, config, parts, "ceph-mon", "-f", "-i", "a")


def _start_store(home: Path, config: Path, parts: ExitStack) -> None:
    # Monitor and store have to agree on this id, or the store waits for ever.
    store = str(uuid.uuid4())
    _ask(config, "ceph", "--no-mon-config", "osd", "new", store)
    _ask(config, "ceph-osd", "-i", "0", "--no-mon-config", "--mkfs", "--osd-uuid", store)
    _start(home, config, parts, "ceph-osd", "-f", "-i", "0", "--no-mon-config")


def _start_gateway(home: Path, config: Path, url: str, parts: ExitStack) -> Ceph:
    gateway = _start(home, config, parts, "radosgw", "-f", "-n", "client.rgw.a", "--no-mon-config")
    wait_until(lambda: _answers(url), gateway, "Ceph's gateway", home / "radosgw.out", _PATIENCE)
    user = ("--uid=admin", "--display-name=admin", f"--access-key={Ceph.key}", f"--secret={Ceph.secret}")
    _ask(config, "radosgw-admin", "--no-mon-config", "user", "create", *user)
    return Ceph(url, config)


def _start(home: Path, config: Path, parts: ExitStack, *command: str) -> subprocess.Popen[bytes]:
    log = home / f"{command[0]}.out"
    return parts.enter_context(running(command, log, child_environment(CEPH_CONF=str(config))))


def _ask(config: Path, *command: str) -> str:
    """What a program of Ceph's prints, once it has ended."""
    environment = child_environment(CEPH_CONF=str(config))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} ended with code {done.returncode}: {done.stderr[:500]}")
    return done.stdout


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True
