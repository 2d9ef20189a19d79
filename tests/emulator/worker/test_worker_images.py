"""Measuring images, and naming those that are broken."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from lightly_airflow.emulator.worker.images import CorruptImage, ImageFacts, load_images, measure, numeric_metadata


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def facts_of(image: Image.Image, kind: str = "PNG") -> ImageFacts:
    facts = measure("a", encoded(image, kind))
    assert isinstance(facts, ImageFacts)
    return facts


def test_measures_a_plain_image() -> None:
    """A grey image has half the brightness, no contrast, no sharpness, and every row uniform."""
    values = numeric_metadata(facts_of(Image.new("RGB", (40, 20), (128, 128, 128))).meta)
    assert values["lightly.luminance"] == pytest.approx(50, abs=0.5)
    assert (values["lightly.width"], values["lightly.height"], values["lightly.uniformRowRatio"]) == (40, 20, 1)
    assert values["lightly.sharpness"] == pytest.approx(0, abs=1e-6)
    assert values["lightly.contrast"] == pytest.approx(0, abs=1e-3)
    assert values["lightly.meanRed"] == pytest.approx(0.5, abs=0.01)


def test_metadata_fits_the_wire() -> None:
    """Extremes stay within the ranges of the API."""
    for colour in ((0, 0, 0), (255, 255, 255), (255, 0, 0)):
        meta = facts_of(Image.new("RGB", (2, 2), colour)).meta
        assert type(meta).model_validate(meta.model_dump()) == meta


def test_sharper_means_sharper() -> None:
    """Noise counts as sharper than the same noise smoothed."""
    noise = Image.effect_noise((64, 64), 80)
    blurred = noise.resize((8, 8)).resize((64, 64))
    assert (facts_of(noise).meta.sharpness or 0) > 10 * (facts_of(blurred).meta.sharpness or 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF"])
def test_every_supported_type_is_read(kind: str) -> None:
    """Each type gives facts and a thumbnail of its own type that is small."""
    thumbnail = Image.open(io.BytesIO(facts_of(Image.new("RGB", (600, 300), (10, 90, 30)), kind).thumbnail))
    assert thumbnail.format == kind
    assert thumbnail.size == (256, 128)


def test_rotated_photographs_stand_upright() -> None:
    """A camera's note on how it was held is followed in the thumbnail."""
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 50)).save(buffer, "JPEG", exif=exif)
    facts = measure("a.jpg", buffer.getvalue())
    assert isinstance(facts, ImageFacts)
    assert Image.open(io.BytesIO(facts.thumbnail)).size == (50, 100)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an image",
        encoded(Image.effect_noise((200, 200), 80), "JPEG")[:-3000],
        encoded(Image.new("L", (90, 90)))[:60],
    ],
)
def test_broken_files_are_corrupt(content: bytes) -> None:
    """Empty, foreign and truncated files are named with a reason, never raised."""
    corrupt = measure("a.jpg", content)
    assert isinstance(corrupt, CorruptImage)
    assert corrupt.error.startswith("the ")
    assert "0x" not in corrupt.error


def test_loads_in_order_and_keeps_going() -> None:
    """Images come in the given order, a corrupt one among them."""
    good = encoded(Image.new("RGB", (8, 8)))
    files = {f"{i}.png": b"broken" if i == 3 else good for i in range(9)}
    loaded = list(load_images(files, files.__getitem__))
    assert [item.name for item in loaded] == list(files)
    assert [type(item) for item in loaded].count(CorruptImage) == 1


def test_a_refused_download_ends_the_loading() -> None:
    """What reading raises is not taken for a corrupt image."""

    def refuse(name: str) -> bytes:
        raise ConnectionError(name)

    with pytest.raises(ConnectionError):
        list(load_images(["a", "b", "c"], refuse))
