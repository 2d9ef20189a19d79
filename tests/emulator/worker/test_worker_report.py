"""The report in both forms, beyond what whole runs show."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from pypdf import PdfReader

from lightly_airflow.emulator.worker.images import CorruptImage, ImageFacts, measure
from lightly_airflow.emulator.worker.report import render_report
from lightly_airflow.emulator.worker.report_json import report_v2
from lightly_airflow.emulator.worker.results import thumbnail_name
from lightly_airflow.emulator.worker.summary import Summary


def facts(name: str, shade: int = 0) -> ImageFacts:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (shade, 90, 30)).save(buffer, "PNG")
    measured = measure(name, buffer.getvalue())
    assert isinstance(measured, ImageFacts)
    return measured


def summary(images: list[ImageFacts], corrupt: list[CorruptImage] | None = None) -> Summary:
    return Summary(
        run_id="a" * 24,
        dataset_id="b" * 24,
        dataset_name="cameras",
        started=1_700_000_000.0,
        ended=1_700_000_090.5,
        selection=None,
        images=images,
        selected=images,
        corrupt=corrupt or [],
        others=[],
        n_expiring=0,
        n_pool=4,
    )


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_large_selection_is_shown_in_part() -> None:
    """The report shows the first pictures and says how many more there are."""
    text = text_of(render_report(summary([facts(f"{i}.png") for i in range(60)])))
    assert "and 12 more" in text
    assert "47.png" in text
    assert "48.png" not in text


def test_names_are_not_markup() -> None:
    """Files may be called anything."""
    text = text_of(render_report(summary([facts("a<b>&c.png")], [CorruptImage("<i>.jpg", "broken & gone")])))
    assert "a<b>&c.png" in text
    assert "broken & gone" in text


def test_an_empty_selection_has_a_report() -> None:
    """No pictures, but all the rest."""
    assert "selected 0 of 0 images" in text_of(render_report(summary([])))


def test_numbers_of_the_json_report() -> None:
    """Exact duplicates and the datapool are counted as ReportV2 names them."""
    report = report_v2(summary([facts("a.png"), facts("copy.png"), facts("c.png", 99)]))
    general = report["generalInformation"]
    sizes = general["datasetInformation"]["datasetSizes"]
    assert (sizes["nDuplicate"], sizes["nPreselectedDatapool"], sizes["nSelectedWithDatapool"]) == (1, 4, 7)
    assert general["runInformation"]["totalProcessingTimeS"] == pytest.approx(90.5)
    # All that ReportV2's first part requires; its client refuses anything else.
    assert set(report) == {"generalInformation"}
    assert set(general) == {
        "workerInformation", "runInformation", "datasetInformation", "annotationSavings", "selectedAndRemovedImageExamples",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "name", "expected"),
    [
        (".lightly/thumbnails/[filename]_thumb.[extension]", "raw/a.jpg", ".lightly/thumbnails/raw/a_thumb.jpg"),
        ("small/[filename].[extension]", "a.b.png", "small/a.b.png"),
        ("small/[filename].webp", "x/y.JPG", "small/x/y.webp"),
    ],
)
def test_thumbnail_names(suffix: str, name: str, expected: str) -> None:
    """The placeholders of the thumbnail suffix are filled in."""
    assert thumbnail_name(suffix, name) == expected
