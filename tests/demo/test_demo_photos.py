"""The pictures that the demo curates."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from lightly_airflow.demo.photos import PHOTOGRAPHS, Picture, own_images, photograph_of, photographs
from lightly_airflow.demo.processes import DemoError


@pytest.fixture(scope="module")
def pictures() -> dict[str, Picture]:
    return {picture.name: picture for picture in photographs()}


def test_every_photograph_has_near_duplicates(pictures: dict[str, Picture]) -> None:
    """Four pictures of each photograph, all of which can be decoded, and the two files that have to be left out."""
    families = Counter(map(photograph_of, pictures))
    assert families == {**{Path(name).stem: 4 for name in PHOTOGRAPHS}, "broken": 1, ".": 1}
    for name in set(pictures) - {"broken/cut-off.jpg", "notes.txt"}:
        Image.open(BytesIO(pictures[name].content)).load()


def test_the_corrupt_image_is_cut_off_in_its_pixels(pictures: dict[str, Picture]) -> None:
    """It opens as an image, and only decoding it fails."""
    with (
        Image.open(BytesIO(pictures["broken/cut-off.jpg"].content)) as image,
        pytest.raises(OSError, match="truncated"),
    ):
        image.load()


def test_own_images_are_taken_with_their_paths(tmp_path: Path) -> None:
    """Images below the folder keep their relative paths, files of other types stay where they are."""
    (tmp_path / "day 1").mkdir()
    (tmp_path / "day 1" / "B.JPG").write_bytes(b"one")
    (tmp_path / "a.png").write_bytes(b"two")
    (tmp_path / "notes.txt").write_bytes(b"three")
    assert list(own_images(tmp_path)) == [Picture("a.png", b"two"), Picture("day 1/B.JPG", b"one")]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The sentence names the folder and what to do."""
    with pytest.raises(DemoError, match="nowhere is no folder: name one that holds images"):
        own_images(tmp_path / "nowhere")


def test_a_folder_without_images_is_named(tmp_path: Path) -> None:
    """The sentence names the folder and the types that count as images."""
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DemoError, match="holds no images: name a folder with files of the types bmp, gif, jpeg"):
        own_images(tmp_path)
