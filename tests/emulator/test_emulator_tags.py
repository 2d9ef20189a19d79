"""Tags and their exports."""

from __future__ import annotations

import pytest
import requests

from lightly_airflow.contract.errors import LightlyApiError, LightlyConflict, LightlyNotFound
from lightly_airflow.contract.models.runs import RunCreateRequest
from lightly_airflow.contract.models.samples import SampleCreateRequest
from lightly_airflow.contract.models.tags import TagCreateRequest
from lightly_airflow.contract.operations import runs, samples, tags
from lightly_airflow.emulator.serve import serve

from .conftest import BUCKET, TOKEN, Desk

NAMES = ["c.jpg", "a.jpg", "dir/b d.jpg"]


@pytest.fixture
def dataset_id(desk: Desk) -> str:
    dataset_id = desk.dataset()
    for name in NAMES:
        desk.api(samples.create_sample(dataset_id, SampleCreateRequest(file_name=name)))
    return dataset_id


def subset(name: str, previous: str, mask: str = "0x5", size: int = 3) -> TagCreateRequest:
    return TagCreateRequest(name=name, prev_tag_id=previous, bit_mask_data=mask, tot_size=size, creator="USER_PIP")


def test_the_initial_tag_holds_all_and_comes_once(desk: Desk, dataset_id: str) -> None:
    """Bit i stands for the i-th sample; a second initial tag is refused."""
    tag_id = desk.api(tags.create_initial_tag(dataset_id)).id
    assert desk.send("GET", f"/v1/datasets/{dataset_id}/tags/{tag_id}")[1].items() >= {
        "name": "initial-tag", "bitMaskData": "0x7", "totSize": 3, "datasetId": dataset_id
    }.items()  # fmt: skip
    with pytest.raises(LightlyConflict, match="TAG_INITIAL_EXISTS"):
        desk.api(tags.create_initial_tag(dataset_id))


def test_an_upsize_tags_exactly_the_new_samples(desk: Desk, dataset_id: str) -> None:
    """The initial tag grows to all samples, the new tag holds the rest and knows its run."""
    with pytest.raises(LightlyNotFound, match="TAG_NO_TAG_IN_DATASET"):
        desk.api(tags.upsize_tags(dataset_id, "too-early"))
    desk.api(tags.create_initial_tag(dataset_id))
    desk.api(samples.create_sample(dataset_id, SampleCreateRequest(file_name="new.jpg")))
    run_id = desk.api(runs.create_run(RunCreateRequest(docker_version="2.11.3", dataset_id=dataset_id))).id
    for name in ("second", "third"):
        desk.api(tags.upsize_tags(dataset_id, name, run_id))
    masks = {tag.name: (tag.bit_mask_data, tag.tot_size, tag.size) for tag in desk.api(tags.list_tags(dataset_id))}
    assert masks == {"initial-tag": ("0xf", 4, 4), "second": ("0x8", 4, 1), "third": ("0x0", 4, 0)}
    assert [tag.name for tag in desk.api(runs.run_tags(run_id))] == ["third", "second"]


def test_a_tag_must_fit_its_dataset(desk: Desk, dataset_id: str) -> None:
    """Name, predecessor, size and bits are checked, each with its own code."""
    initial = desk.api(tags.create_initial_tag(dataset_id)).id
    for request, code in (
        (subset("initial-tag", initial), "TAG_NAME_EXISTS"),
        (subset("subset", "0" * 24), "TAG_PREVTAG_NOT_IN_DATASET"),
        (subset("subset", initial, size=4), "DATASET_TAG_INVALID"),
        (subset("subset", initial, mask="0x8"), "DATASET_TAG_INVALID"),
    ):
        with pytest.raises(LightlyApiError, match=code):
            desk.api(tags.create_tag(dataset_id, request))


def test_only_leaves_can_be_deleted(desk: Desk, dataset_id: str) -> None:
    """Neither the initial tag nor one that others come off."""
    initial = desk.api(tags.create_initial_tag(dataset_id)).id
    parent = desk.api(tags.create_tag(dataset_id, subset("parent", initial))).id
    leaf = desk.api(tags.create_tag(dataset_id, subset("leaf", parent))).id
    path = f"/v1/datasets/{dataset_id}/tags"
    assert desk.send("DELETE", f"{path}/{initial}")[1]["code"] == "TAG_UNDELETABLE_IS_INITIAL"
    assert desk.send("DELETE", f"{path}/{parent}")[1]["code"] == "TAG_UNDELETABLE_NOT_A_LEAF"
    assert [desk.send("DELETE", f"{path}/{tag}")[0] for tag in (leaf, parent)] == [200, 200]
    assert desk.send("GET", f"{path}/{leaf}")[1]["code"] == "TAG_UNKNOWN"


def test_the_three_exports_agree(desk: Desk, dataset_id: str) -> None:
    """Names, bucket paths and URLs come in the same order, for the tag's samples alone."""
    desk.api(tags.create_initial_tag(dataset_id))
    initial = desk.api(tags.list_tags(dataset_id))[0].id
    tag_id = desk.api(tags.create_tag(dataset_id, subset("subset", initial))).id
    path = f"/v1/datasets/{dataset_id}/tags/{tag_id}/export/basic/filenames"
    assert desk.send("GET", path) == (200, "c.jpg\ndir/b d.jpg")
    assert desk.send("GET", f"{path}?fileNameFormat=DATASOURCE_FULL") == (
        200, f"s3://{BUCKET}/input/c.jpg\ns3://{BUCKET}/input/dir/b d.jpg"
    )  # fmt: skip
    urls = desk.send("GET", f"{path}?fileNameFormat=REDIRECTED_READ_URL")[1].split("\n")
    assert [("c.jpg" in urls[0], "expires=never" in urls[0]), "dir/b%20d.jpg" in urls[1]] == [(True, True), True]
    assert "expires=1800000060" in desk.send("GET", f"{path}?fileNameFormat=REDIRECTED_READ_URL&expiresIn=60")[1]
    pairs = desk.send("GET", f"{path}AndReadUrls")[1]
    assert [set(pair) for pair in pairs] == [{"fileName", "readUrl"}] * 2


def test_export_pages_never_end_with_a_newline_and_end_in_nothing(desk: Desk, dataset_id: str) -> None:
    """The official client counts characters and joins pages itself, so past the end there is an empty 200."""
    tag_id = desk.api(tags.create_initial_tag(dataset_id)).id
    path = f"/v1/datasets/{dataset_id}/tags/{tag_id}/export/basic/filenames?pageSize=2&pageOffset="
    assert [desk.send("GET", f"{path}{offset}") for offset in (0, 2, 4)] == [
        (200, "c.jpg\na.jpg"), (200, "dir/b d.jpg"), (200, "")
    ]  # fmt: skip


def test_options_that_are_not_emulated_are_refused(desk: Desk, dataset_id: str) -> None:
    """None is overlooked; one that is off is fine."""
    tag_id = desk.api(tags.create_initial_tag(dataset_id)).id
    path = f"/v1/datasets/{dataset_id}/tags/{tag_id}/export/basic/filenames"
    for option in ("format=JSON", "includeMetaData=true", "previewExample=True"):
        assert desk.send("GET", f"{path}?{option}")[0] == 501
    assert desk.send("GET", f"{path}?format=PLAIN&includeMetaData=False")[0] == 200


def test_a_sample_is_read_from_the_bucket(desk: Desk, dataset_id: str, bucket: object) -> None:
    """The full file comes from INPUT, the thumbnail from LIGHTLY, a missing object as an error in LightlyOne's shape."""
    body = SampleCreateRequest(file_name="e.jpg", thumb_name=".lightly/thumbnails/e_thumb.jpg")
    sample_id = desk.api(samples.create_sample(dataset_id, body)).id
    bucket.put_object(Key="input/e.jpg", Body=b"full")  # type: ignore[attr-defined]
    bucket.put_object(Key="lightly/.lightly/thumbnails/e_thumb.jpg", Body=b"thumb")  # type: ignore[attr-defined]
    base = f"/v1/datasets/{dataset_id}/samples"
    with serve(desk.emulator.world, [TOKEN]) as server:
        for kind in ("full", "thumbnail"):
            url = requests.get(f"{server.url}{base}/{sample_id}/readurl?type={kind}&token={TOKEN}", timeout=10).json()
            answer = requests.get(url, timeout=10)
            assert answer.text == {"full": "full", "thumbnail": "thumb"}[kind]
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["x-content-type-options"] == "nosniff"
    missing = desk.api(samples.mappings(dataset_id, "_id", 1, 0))[0]
    status, error = desk.send("GET", desk.send("GET", f"{base}/{missing}/readurl")[1], token=None)
    assert (status, error["code"]) == (400, "DATASET_DATASOURCE_CREDENTIALS_ERROR")
    assert desk.send("GET", f"/v1/datasets/{dataset_id}/embeddings") == (200, [])
