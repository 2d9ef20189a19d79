"""Pictures to curate: real photographs with near-duplicates of each, and two files that the run has to leave out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from PIL import Image, ImageEnhance

from lightly_airflow.contract.files import IMAGE_SUFFIXES, is_image
from lightly_airflow.demo.processes import DemoError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The colour photographs that scikit-image's wheel carries; motorcycle_right would be one more near-duplicate.
PHOTOGRAPHS = (
    "astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png", "motorcycle_left.png",
    "retina.jpg", "rocket.jpg",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A file for the bucket.

    :param name: its path below the input datasource.
    """

    name: str
    content: bytes


def photograph_of(name: str) -> str:
    """The photograph that a picture of the demo shows: its directory."""
    return str(PurePosixPath(name).parent)


def photographs() -> Iterator[Picture]:
    """Each photograph with its near-duplicates, then a corrupt image and a file that is no image."""
    for file in PHOTOGRAPHS:
        with (files("skimage") / "data" / file).open("rb") as opened:
            image = Image.open(opened).convert("RGB")
        for variant, content in _family(image):
            yield Picture(f"{PurePosixPath(file).stem}/{variant}.jpg", content)
    whole = _jpeg(image)
    yield Picture("broken/cut-off.jpg", whole[: len(whole) // 2])
    yield Picture("notes.txt", b"Which camera was cleaned when.\n")


def own_images(folder: Path) -> Iterator[Picture]:
    """All images in a folder and below it.

    :raises DemoError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise DemoError(f"INPUT={folder} is no folder: name one that holds images.")
    found = sorted(path for path in folder.rglob("*") if is_image(path.name) and path.is_file())
    if not found:
        types = ", ".join(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)
        raise DemoError(f"INPUT={folder} holds no images: name a folder with files of the types {types}.")
    return (Picture(path.relative_to(folder).as_posix(), path.read_bytes()) for path in found)


def upload(pictures: Iterator[Picture], s3: S3Client, bucket: str) -> list[str]:
    """Makes the bucket with its ``input/`` and ``lightly/`` and puts the pictures into the first; returns their names."""
    s3.create_bucket(Bucket=bucket)
    # LightlyOne wants the directories of its datasources to exist.
    s3.put_object(Bucket=bucket, Key="lightly/")
    return [_put(s3, bucket, picture) for picture in pictures]


def _put(s3: S3Client, bucket: str, picture: Picture) -> str:
    s3.put_object(Bucket=bucket, Key=f"input/{picture.name}", Body=picture.content)
    return picture.name


def _family(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    yield "original", _jpeg(image)
    yield "crop", _jpeg(_centre(image, 0.88))
    yield "brighter", _jpeg(ImageEnhance.Brightness(image).enhance(1.15))
    yield "recompressed", _jpeg(image, quality=35)


def _centre(image: Image.Image, part: float) -> Image.Image:
    width, height = image.size
    left, top = round(width * (1 - part) / 2), round(height * (1 - part) / 2)
    return image.crop((left, top, width - left, height - top))


def _jpeg(image: Image.Image, quality: int = 92) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
