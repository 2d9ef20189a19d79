"""report.pdf: a run on a few pages, to look at and to hand on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from lightly_airflow.contract.models.selection import SelectionEntry
from lightly_airflow.emulator.worker.images import ImageFacts
from lightly_airflow.emulator.worker.summary import Summary

_COLUMNS, _CELL, _GAP = 4, 42 * mm, 5 * mm
# A page of pictures is to be looked at; the complete list is the tag's.
_MOST_PICTURES, _MOST_LINES = 48, 100
_STYLES = getSampleStyleSheet()
_LINES = TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey), ("VALIGN", (0, 0), (-1, -1), "TOP")])


def render_report(summary: Summary) -> bytes:
    """The report's PDF: run, counts, strategies, selected images, and what was skipped and why."""
    buffer = io.BytesIO()
    story = [
        Paragraph(f"Curation of {escape(summary.dataset_name)}", _STYLES["Title"]),
        Paragraph(escape(summary.sentence()), _STYLES["Normal"]),
        *_section("Run", _facts(summary)),
        *_section("Counts", _counts(summary)),
        *_section("Strategies", _strategies(summary)),
        *_pictures(summary.selected),
        *_skipped(summary),
        Spacer(0, 6 * mm),
        Paragraph("Made by the LightlyOne emulator of lightly-airflow.", _STYLES["Italic"]),
    ]
    SimpleDocTemplate(buffer, pagesize=A4, title=f"Curation of {summary.dataset_name}").build(story)
    return buffer.getvalue()


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[Flowable]:
    cells = [[_text(left), _text(right)] for left, right in rows]
    table = Table(cells, colWidths=[60 * mm, 105 * mm], style=_LINES, hAlign="LEFT")
    return [Spacer(0, 4 * mm), KeepTogether([Paragraph(title, _STYLES["Heading2"]), table])]


def _text(words: str) -> Paragraph:
    return Paragraph(escape(words), _STYLES["BodyText"])


def _facts(summary: Summary) -> list[tuple[str, str]]:
    began = datetime.fromtimestamp(summary.started, UTC)
    return [
        ("Run", summary.run_id),
        ("Dataset", f"{summary.dataset_name} ({summary.dataset_id})"),
        ("Started", f"{began:%Y-%m-%d %H:%M:%S} UTC"),
        ("Took", f"{summary.ended - summary.started:.1f} s"),
    ]


def _counts(summary: Summary) -> list[tuple[str, str]]:
    return [
        ("Images", str(summary.n_input)),
        ("Corrupt", str(len(summary.corrupt))),
        ("Left out, expiring too soon", str(summary.n_expiring)),
        ("Exact duplicates", str(summary.n_duplicate)),
        ("Files of other types", str(len(summary.others))),
        ("Samples of earlier runs", str(summary.n_pool)),
        ("Selected", str(len(summary.selected))),
    ]


def _strategies(summary: Summary) -> list[tuple[str, str]]:
    config = summary.selection
    if config is None:
        return [("none", "all images were taken")]
    limits = [("n_samples", config.n_samples), ("proportion_samples", config.proportion_samples)]
    told = [(name, str(value)) for name, value in limits if value is not None]
    return told + [(entry.strategy.type, _settings(entry)) for entry in config.strategies]


def _settings(entry: SelectionEntry) -> str:
    given: dict[str, Any] = {
        **entry.input.model_dump(exclude_none=True),
        **entry.strategy.model_dump(exclude_none=True),
    }
    options = [f"{name} {value}" for name, value in given.items() if name != "type"]
    return ", ".join([f"on {entry.input.type}", *options])


def _pictures(selected: Sequence[ImageFacts]) -> list[Flowable]:
    cells = [_picture(facts) for facts in selected[:_MOST_PICTURES]]
    if not cells:
        return []
    rows = [cells[i : i + _COLUMNS] for i in range(0, len(cells), _COLUMNS)]
    more = len(selected) - len(cells)
    note = [_text(f"and {more} more")] if more else []
    return [
        Spacer(0, 4 * mm),
        Paragraph("Selected images", _STYLES["Heading2"]),
        Table(rows, colWidths=[_CELL] * len(rows[0]), hAlign="LEFT"),
        *note,
    ]


def _picture(facts: ImageFacts) -> list[Flowable]:
    side = _CELL - _GAP
    image = Image(io.BytesIO(facts.thumbnail), width=side, height=side, kind="proportional")
    return [image, Paragraph(escape(facts.name), _STYLES["BodyText"])]


def _skipped(summary: Summary) -> list[Flowable]:
    corrupt = [(image.name, image.error) for image in summary.corrupt]
    rows = corrupt + [(name, "not an image type that is supported") for name in summary.others]
    if not rows:
        return []
    more = [("and more", str(len(rows) - _MOST_LINES))] if len(rows) > _MOST_LINES else []
    title = Paragraph("Skipped files", _STYLES["Heading2"])
    cells = [[_text(name), _text(why)] for name, why in rows[:_MOST_LINES] + more]
    return [Spacer(0, 4 * mm), title, Table(cells, colWidths=[80 * mm, 85 * mm], style=_LINES, hAlign="LEFT")]
