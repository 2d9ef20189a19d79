"""Where rotations are killed: a bucket whose policies hold, LightlyOne, a proxy of faults before each, and processes."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.fernet import Fernet
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from lightly_airflow.contract.operations import datasets, datasources
from lightly_airflow.testing import Faults, LightlyEmulator, faulty
from lightly_airflow.testing.proxy import Behind, before
from tests.airflow_faces.killing import Tries
from tests.s3_server import Key, S3Server

Environ = dict[str, Any]
_DENIED = b"<Error><Code>AccessDenied</Code><Message>not from your network</Message></Error>"


class Networks:
    """Stands before moto, which knows no conditions in policies: a key may be of no use from one of two networks.

    Airflow comes through a proxy, and LightlyOne does not; the Host that they ask for tells them apart.

    :param host: the server's own, as LightlyOne asks for it.
    """

    def __init__(self, application: Any, host: str) -> None:
        self._application, self._host = application, host
        self.refused: set[tuple[str, str]] = set()  # (id of a key, "Airflow" or "LightlyOne")

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        network = "LightlyOne" if environ["HTTP_HOST"] == self._host else "Airflow"
        key_id = str(environ.get("HTTP_AUTHORIZATION", "")).partition("Credential=")[2].partition("/")[0]
        if (key_id, network) not in self.refused:
            found: Iterable[bytes] = self._application(environ, start_response)
            return found
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(_DENIED)))])
        return [_DENIED]


@dataclass
class Place:
    """What all schedules share.

    :param calm_api: a way to LightlyOne without faults, from Airflow's network.
    :param calm_s3: such a way to the bucket.
    :param numbers: for what needs a name of its own.
    """

    api: LightlyEmulator
    s3: S3Server
    networks: Networks
    tries: Tries
    calm_api: Faults
    calm_s3: Faults
    fernet_key: str = field(default_factory=lambda: Fernet.generate_key().decode(), repr=False)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    _verified: dict[tuple[Key, ...], bool] = field(default_factory=dict, repr=False)

    def key(self) -> Key:
        """A new access key that may do everything, of a user of its own. Made without a request, as there are many."""
        name = f"lightly-{next(self.numbers)}"
        _iam().create_user("us-east-1", name)
        _iam().put_user_policy(name, "everything", _EVERYTHING)
        return self.s3.add_key(name)

    def delete(self, key: Key) -> None:
        """Whoever has the key does not get in any more; nothing where it is none."""
        if key[0] in _iam().access_keys:
            self.s3.delete_key(_iam().access_keys[key[0]].user_name, key[0])
            self._verified.clear()

    def dataset(self, name: str, keys: dict[Purpose, Key]) -> str:
        """A dataset whose datasources have these keys."""
        dataset_id = self.api.call(datasets.create_dataset(name, "Images")).id
        for purpose, (key_id, secret) in keys.items():
            told = {
                "purpose": purpose,
                "full_path": f"s3://cameras/{purpose.lower()}/",
                "thumb_suffix": "small/[filename].[extension]",
                "s3_region": "eu-west-1",  # another one than the connection names
                "s3_access_key_id": key_id,
                "s3_secret_access_key": secret,
            }
            self.api.call(datasources.put_datasource(dataset_id, S3Config.model_validate(told)))
        return dataset_id

    def has(self, dataset_id: str, purpose: Purpose) -> S3Config:
        """What LightlyOne has."""
        config = self.api.server.emulator.world.datasource_config(dataset_id, purpose)
        assert isinstance(config, S3Config)
        return config

    def key_of(self, dataset_id: str, purpose: Purpose) -> Key:
        """The access key that LightlyOne has."""
        config = self.has(dataset_id, purpose)
        return config.s3_access_key_id.get_secret_value(), config.s3_secret_access_key.get_secret_value()

    def works(self, dataset_id: str) -> bool:
        """Whether LightlyOne gets in now, by its own verification. It is asked once for the same keys, until one is deleted:
        all datasets have the same paths."""
        keys = tuple(self.key_of(dataset_id, purpose) for purpose in ("INPUT", "LIGHTLY"))
        if keys not in self._verified:
            self._verified[keys] = self.api.call(datasources.verify_datasource(dataset_id)).errors is None
        return self._verified[keys]


@contextmanager
def place(api: LightlyEmulator, s3: S3Server, tries: Tries) -> Iterator[Place]:
    """The bucket has an object for each purpose; policies hold as long as the block lasts."""
    s3.reset()
    s3.put("cameras", "input/a.jpg", b"a")
    s3.put("cameras", "lightly/b.txt", b"b")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request takes a third of a request's time
    networks = s3.behind(lambda moto: Networks(moto, s3.url.removeprefix("http://")))
    with networks as made, s3.enforced(), faulty(api) as calm_api, faulty_s3(s3) as calm_s3:
        yield Place(api, s3, made, tries, calm_api, calm_s3)


@contextmanager
def faulty_s3(s3: S3Server) -> Iterator[Faults]:
    """A proxy of faults before the bucket."""
    with before(Behind(s3.url, "", _operation)) as faults:
        yield faults


def connection(key: Key) -> str:
    """An ``aws`` connection with the key."""
    extra = {"region_name": "us-east-1"}
    return json.dumps({"conn_type": "aws", "login": key[0], "password": key[1], "extra": extra})


def _operation(method: str, path: str) -> str:
    return f"{method} {'object' if path.strip('/').partition('/')[2] else 'bucket'}"


def _iam() -> Any:
    return iam_backends[DEFAULT_ACCOUNT_ID]["aws"]


_EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
)
