"""Custom metadata: the schema, the images' files, and runs that select by them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from obstore.store import MemoryStore

from lightly_airflow.contract.models.selection import SelectionConfig
from lightly_airflow.contract.operations import runs, samples
from lightly_airflow.emulator.worker.failure import RunFailed
from lightly_airflow.emulator.worker.metadata import CustomMetadata, read_metadata, read_schema
from lightly_airflow.emulator.worker.selection_check import check_custom_keys
from lightly_airflow.storage.directory import Directory
from lightly_airflow.storage.paths import ResourcePath

DIRECTORY = ".lightly/metadata"
TYPES = {
    "weather": ("CATEGORICAL_STRING", "unknown"),
    "night": ("CATEGORICAL_BOOLEAN", False),
    "lanes": ("CATEGORICAL_INT", 2),
    "air.celsius": ("NUMERIC_FLOAT", 20.5),
    "note": ("OTHER_STRING", ""),
    "speed": ("NUMERIC_INT", None),
}
SCHEMA = [
    {"name": path.title(), "path": path, "defaultValue": default, "valueDataType": kind}
    for path, (kind, default) in TYPES.items()
]


def as_file(name: str, **metadata: Any) -> bytes:
    return json.dumps({"file_name": name, "type": "image", "metadata": metadata}).encode()


def in_memory(store: MemoryStore) -> Directory:
    return Directory(store, ResourcePath("s3", "cameras", "lightly/"))


def store_with(**files: Any) -> Directory:
    """A Lightly datasource with a schema and the files of some images: ``cam_a={...}`` is for cam/a.jpg."""
    store = MemoryStore()
    store.put(f"{DIRECTORY}/schema.json", json.dumps(SCHEMA).encode())
    for name, metadata in files.items():
        path = name.replace("_", "/")
        store.put(f"{DIRECTORY}/{path}.json", as_file(f"{path}.jpg", **metadata))
    return in_memory(store)


def read(store: Directory, *keys: str, names: tuple[str, ...] = ("cam/a.jpg", "cam/b.jpg")) -> CustomMetadata:
    schema = read_schema(store)
    return read_metadata(store, [schema[key] for key in keys], names)


def test_values_come_from_an_images_own_file() -> None:
    """Numbers, texts and what lies deeper, under the image's own path; else the schema's default."""
    store = store_with(cam_a={"weather": "sunny", "air": {"celsius": 3}, "night": True, "lanes": 4})
    custom = read(store, "weather", "night", "lanes", "air.celsius")
    assert custom.numbers == {"air.celsius": {"cam/a.jpg": 3.0, "cam/b.jpg": 20.5}}
    assert custom.classes == {
        "weather": {"cam/a.jpg": "sunny", "cam/b.jpg": "unknown"},
        "night": {"cam/a.jpg": "true", "cam/b.jpg": "false"},
        "lanes": {"cam/a.jpg": "4", "cam/b.jpg": "2"},
    }
    assert custom.n_defaults == 1


def test_a_file_that_lacks_a_key_has_its_default() -> None:
    """So has one with null, and one that is of another image with the same path."""
    store = store_with(cam_a={}, cam_b={"weather": None})
    names = ("cam/a.jpg", "cam/b.jpg", "cam/b.png")
    custom = read(store, "weather", names=names)
    assert custom.classes == {"weather": dict.fromkeys(names, "unknown")}
    assert custom.n_defaults == 1


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("air.celsius", "warm", r"'air.celsius' of 'cam/a.jpg' must be a number, and is \"warm\""),
        ("air.celsius", True, "must be a number, and is true"),
        ("speed", None, "'speed' of 'cam/a.jpg' must be a number, and is null"),
        ("weather", 1.5, "'weather' of 'cam/a.jpg' must be a text, an integer or a boolean, and is 1.5"),
    ],
)
def test_values_of_another_type_are_named(key: str, value: Any, words: str) -> None:
    """The message has the key, the image and the value."""
    nested: Any = value
    for part in reversed(key.split(".")):
        nested = {part: nested}
    with pytest.raises(RunFailed, match=words):
        read(store_with(cam_a=nested), key)


def test_a_missing_schema_is_named() -> None:
    """The message says where it has to lie."""
    with pytest.raises(RunFailed, match=r"there is none at s3://.*\.lightly/metadata/schema.json; write one"):
        read_schema(in_memory(MemoryStore()))


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("schema.json", b"{", "schema.json is no metadata schema: Invalid JSON"),
        ("schema.json", b"{}", "schema.json is no metadata schema: Input should be a valid"),
        (
            "schema.json",
            json.dumps([{**SCHEMA[0], "valueDataType": "TEXT"}]).encode(),
            "no metadata schema: 0.value_data_type: Input should be 'NUMERIC_INT'",
        ),
        ("cam/a.json", b"[]", "cam/a.json is no metadata of an image: Input should be"),
        ("cam/a.json", b'{"metadata": {}}', "cam/a.json is no metadata of an image: file_name: Field required"),
    ],
)
def test_files_that_cannot_be_read_are_named(path: str, content: bytes, words: str) -> None:
    """The message has the file and what is wrong in it."""
    store = store_with()
    store.store.put(f"{DIRECTORY}/{path}", content)
    with pytest.raises(RunFailed, match=words):
        read(store, "weather")


@pytest.mark.parametrize(
    ("key", "strategy", "words"),
    [
        (
            "wether",
            "BALANCE",
            r"key 'wether' is unknown \(did you mean 'weather'\?\); known are weather, night, lanes, air",
        ),
        (
            "weather",
            "WEIGHTS",
            r"WEIGHTS needs numeric metadata, and 'weather' is categorical; numeric keys are air.cel",
        ),
        ("night", "THRESHOLD", "THRESHOLD needs numeric metadata, and 'night' is categorical"),
        ("speed", "BALANCE", "'speed' is numeric; categorical keys are weather, night, lanes$"),
        ("note", "BALANCE", "BALANCE needs categorical metadata, and 'note' is free text"),
    ],
)
def test_keys_that_do_not_fit_are_named(key: str, strategy: str, words: str) -> None:
    """The message has the place, the key and those that would do."""
    entry = {"input": {"type": "METADATA", "key": key}, "strategy": {"type": strategy}}
    config = SelectionConfig.model_validate({"strategies": [entry]})
    with pytest.raises(RunFailed, match=rf"selection_config.strategies\[0\]: .*{words}"):
        check_custom_keys(config, read_schema(store_with()))


def put_metadata(site: Any, weather: dict[str, str]) -> None:
    site.put(f"lightly/{DIRECTORY}/schema.json", json.dumps(SCHEMA).encode())
    for letter, value in weather.items():
        site.put(f"lightly/{DIRECTORY}/cam/{letter}.json", as_file(f"cam/{letter}.png", weather=value))


UNIFORM = {
    "input": {"type": "METADATA", "key": "weather"},
    "strategy": {"type": "BALANCE", "distribution": "UNIFORM"},
}


def test_runs_balance_over_nights(site: Any) -> None:
    """What was selected the night before counts: sun and rain first, then the fog that is still missing."""
    put_metadata(site, {"a": "sunny", "b": "sunny", "c": "rainy", "x": "rainy", "y": "sunny", "z": "foggy"})
    site.put_images("abc")
    run = site.run(n_samples=2, strategies=[UNIFORM], use_datapool=True)
    assert (run.state, run.message) == ("COMPLETED", "selected 2 of 3 images")
    site.desk.clock.seconds += 200
    site.put_images("xyz", site.desk.clock.seconds - 100)
    site.run(n_samples=1, strategies=[UNIFORM], use_datapool=True)
    assert site.desk.api(samples.mappings(site.dataset_id, "fileName", 100, 0))[2] == "cam/z.png"


def test_a_run_says_that_it_loads_metadata(site: Any) -> None:
    """The state is LOADING_METADATA, between the dataset's and the corruptness check; defaults are counted."""
    put_metadata(site, {"a": "sunny"})
    site.put_images("ab")
    run = site.run(strategies=[UNIFORM])
    states = [line.split()[1] for line in site.artifact(run, "memlog.txt").decode().splitlines()]
    assert states[1:4] == ["LOADING_DATASET", "LOADING_METADATA", "CHECKING_CORRUPTNESS"]
    assert "1 of 2 images have metadata of their own; the schema's defaults hold for the others" in site.log(run)


def test_a_run_without_schema_fails(site: Any) -> None:
    """A schema that was there when the run was scheduled, and is gone since: the message tells where it has to lie."""
    put_metadata(site, {})
    site.put_images("ab")
    scheduled = site.schedule(strategies=[UNIFORM])
    site.bucket.Object(f"lightly/{DIRECTORY}/schema.json").delete()
    assert site.worker.step()
    run = site.desk.api(runs.run_of_schedule(scheduled))
    assert run.state == "FAILED"
    place = "s3://emulator-cameras/lightly/.lightly/metadata/schema.json"
    assert run.message == f"custom metadata needs a schema, and there is none at {place}; write one"
