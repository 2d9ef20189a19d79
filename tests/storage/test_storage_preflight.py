"""Proving a directory: is it there, may it be used, does it hold inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from lightly_airflow.contract.models.datasources import Purpose, S3Config
from lightly_airflow.storage import preflight
from lightly_airflow.storage.access import Access
from lightly_airflow.storage.paths import ResourcePath
from lightly_airflow.storage.preflight import Inputs, Proof, prove
from lightly_airflow.storage.stores import open_store

Keys = dict[str, tuple[str, str]]
MakeConfig = Callable[..., S3Config]
ProofOf = Callable[..., Proof]
BUCKET, RAW = "cameras", ResourcePath("s3", "cameras", "raw/")
READABLE = Access(can_list=True, can_read=True)


@pytest.fixture
def proof_of(client: Any, keys: Keys, make_config: MakeConfig) -> ProofOf:
    def proof(purpose: Purpose = "INPUT", dataset_type: str = "Images", user: str = "all", path: str = "raw/") -> Proof:
        config = make_config(*keys[user], f"s3://{BUCKET}/{path}", purpose)
        return prove(open_store(config), purpose, dataset_type)

    return proof


@pytest.mark.parametrize(
    ("dataset_type", "inputs"),
    [
        ("Images", Inputs(2, 3, ("clip.MP4", "noending", "notes.txt"))),
        ("Videos", Inputs(1, 4, ("a.jpg", "day/b.PNG", "noending"))),
    ],
)
def test_counts_what_fits_the_dataset(client: Any, proof_of: ProofOf, dataset_type: str, inputs: Inputs) -> None:
    """By ending, in any case; markers and LightlyOne's own directory count neither way."""
    for name in [
        "",
        "day/",
        "a.jpg",
        "day/b.PNG",
        "clip.MP4",
        "notes.txt",
        "noending",
        ".lightly/thumbnails/a_thumb.jpg",
    ]:
        client.put_object(Bucket=BUCKET, Key=f"raw/{name}", Body=b"" if name.endswith("/") or not name else b"1")
    assert proof_of(dataset_type=dataset_type, user="reader") == Proof(RAW, READABLE, True, inputs)


def test_only_a_marker(client: Any, proof_of: ProofOf) -> None:
    """An empty directory is there, and holds nothing."""
    client.put_object(Bucket=BUCKET, Key="raw/", Body=b"")
    assert proof_of() == Proof(RAW, READABLE, True, Inputs())


def test_no_directory(client: Any, proof_of: ProofOf) -> None:
    """A neighbour whose name begins alike does not make it; neither does the probe that LIGHTLY gets."""
    client.put_object(Bucket=BUCKET, Key="rawer/a.jpg", Body=b"1")
    assert proof_of() == Proof(RAW, READABLE, False, Inputs())
    assert proof_of("LIGHTLY") == Proof(RAW, Access(True, True, True, True), False, None)


def test_the_bucket_itself(client: Any, proof_of: ProofOf) -> None:
    """A bucket that can be listed is there, even if it is empty."""
    assert proof_of("LIGHTLY", path="").exists is True


def test_what_cannot_be_listed(client: Any, proof_of: ProofOf) -> None:
    """Nothing is said of what is in there."""
    proof = proof_of(user="blind")
    assert (proof.exists, proof.inputs, list(proof.access.errors)) == (None, None, ["can_list", "can_read"])


def test_long_counts_are_told(
    client: Any, proof_of: ProofOf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every so many objects a log line says how far it is."""
    monkeypatch.setattr(preflight, "_COUNT_STEP", 2)
    for name in ("a.jpg", "b.txt", "c.jpg", "d.jpg", "e.jpg"):
        client.put_object(Bucket=BUCKET, Key=f"raw/{name}", Body=b"1")
    with caplog.at_level(logging.INFO, "lightly_airflow.storage.preflight"):
        assert proof_of().inputs == Inputs(4, 1, ("b.txt",))
    assert [record.getMessage() for record in caplog.records if record.name == preflight.__name__] == [
        "Counted 2 objects in s3://cameras/raw/ so far, 1 of them inputs",
        "Counted 4 objects in s3://cameras/raw/ so far, 3 of them inputs",
    ]
