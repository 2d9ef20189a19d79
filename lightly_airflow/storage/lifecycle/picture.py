"""When inputs expire, as a picture to look at: an SVG that stands alone, in a light and a dark dress. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from lightly_airflow.storage.lifecycle.bars import Bar, Histogram, histogram, ticks
from lightly_airflow.storage.lifecycle.columns import DAY, moment
from lightly_airflow.storage.lifecycle.survey import Survey

_WIDTH, _HEIGHT, _HEAD = 960, 360, 84  # of the whole, and of title and sentence alone
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 936, 88, 276  # of the bars' field
_LABELS = 6  # on the axis of days: each is a whole date
_LONGEST = 75  # letters of a title that fit into a line
# Name -> colour in the light and in the dark.
_COLOURS = {
    "page": ("#ffffff", "#1a1f29"),
    "text": ("#1d2433", "#e6e9f0"),
    "soft": ("#667085", "#98a2b3"),
    "line": ("#e3e7ee", "#2b3240"),
    "window": ("#f3d9c8", "#4a3426"),
    "soon": ("#d9480f", "#ff8f5c"),
    "later": ("#3456d1", "#8ea6ff"),
}


def expiry_picture(survey: Survey, title: str) -> str:
    """A histogram: how many inputs expire on which day of UTC, and which of them too soon for the run.

    :param survey: a finished one.
    :param title: what it is a picture of; any text.
    :return: an SVG document.
    """
    says, height = _sentence(survey), _HEIGHT if survey.days else _HEAD
    picture = ET.Element("svg", _attributes(height))
    title = "".join(letter for letter in title if letter.isprintable())  # XML has no place for the others
    _add(picture, "title", title, id="title")
    _add(picture, "desc", says, id="desc")
    _add(picture, "style", _dark())
    _add(picture, "rect", width=_WIDTH, height=height, rx=10, **_paint("page"))
    shown = title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"
    _add(picture, "text", shown, x=24, y=36, font_size=18, font_weight=600, **_paint("text"))
    _add(picture, "text", says, x=24, y=60, font_size=14, **_paint("soft"))
    if survey.days:
        _draw(picture, survey, histogram(survey))
    return ET.tostring(picture, encoding="unicode")


@dataclass(frozen=True, slots=True)
class _Field:
    """Where days and counts lie in the picture.

    :param top: the count at the upper edge.
    """

    histogram: Histogram
    top: int

    def x(self, day: float) -> float:
        """Where a day of so many since 1970 begins."""
        days = self.histogram.width * self.histogram.count
        return round(_LEFT + (day - self.histogram.start) / days * (_RIGHT - _LEFT), 2)

    def y(self, count: float) -> float:
        return round(_BOTTOM - count / self.top * (_BOTTOM - _TOP), 2)


def _draw(picture: ET.Element, survey: Survey, days: Histogram) -> None:
    marks = ticks(days.highest)
    field = _Field(days, marks[-1])
    _draw_window(picture, survey, field)
    for count in marks:
        _add(picture, "line", x1=_LEFT, x2=_RIGHT, y1=field.y(count), y2=field.y(count), **_paint("line", "stroke"))
        _label(picture, f"{count:,}", _LEFT - 8, field.y(count) + 4, "end")
    for bar in days.bars:
        _draw_bar(picture, field, bar)
    _draw_dates(picture, field)
    _draw_legend(picture, survey)


def _draw_window(picture: ET.Element, survey: Survey, field: _Field) -> None:
    """From the run's start to the moment up to which inputs have to last."""
    start, end = field.x(survey.now / DAY), min(field.x(survey.until / DAY), _RIGHT)
    width = max(round(end - start, 2), 2)
    _add(picture, "rect", x=start, y=_TOP, width=width, height=_BOTTOM - _TOP, **_paint("window"))


def _draw_bar(picture: ET.Element, field: _Field, bar: Bar) -> None:
    """What expires too soon at the bottom, the rest of the days' inputs above it."""
    whole = field.x(bar.first + field.histogram.width) - field.x(bar.first)
    x, width = field.x(bar.first) + whole * 0.1, round(whole * 0.8, 2)
    group = ET.SubElement(picture, "g")
    _add(group, "title", _bar_says(bar, field.histogram.width))
    below = 0
    for name, count in (("soon", bar.soon), ("later", bar.later)):
        if count:
            y, height = field.y(below + count), field.y(below) - field.y(below + count)
            _add(group, "rect", x=round(x, 2), y=y, width=width, height=round(height, 2), **_paint(name))
        below += count


def _draw_dates(picture: ET.Element, field: _Field) -> None:
    days = field.histogram
    for place in range(0, days.count, -(-days.count // _LABELS)):
        first = days.start + place * days.width
        x = field.x(first)
        _add(picture, "line", x1=x, x2=x, y1=_BOTTOM, y2=_BOTTOM + 5, **_paint("soft", "stroke"))
        _label(picture, _date(first), x, _BOTTOM + 20, "middle")


def _draw_legend(picture: ET.Element, survey: Survey) -> None:
    length = (survey.until - survey.now) / DAY
    window = f"the run: {length:g} day{'s' * (length != 1)} from its start" if length else "the run's start"
    x = _LEFT
    for name, says in (("soon", "expire too soon"), ("later", "last long enough"), ("window", window)):
        _add(picture, "rect", x=x, y=_HEIGHT - 40, width=14, height=14, rx=3, **_paint(name))
        _label(picture, says, x + 21, _HEIGHT - 28, "start")
        x += 60 + 7 * len(says)
    _label(picture, "days of UTC", _RIGHT, _HEIGHT - 28, "end")


def _sentence(survey: Survey) -> str:
    if not survey.days:
        return f"Inputs: {survey.inputs:,}. None of them expires."
    later = survey.inputs - survey.expiring - survey.permanent
    soon = f"before {moment(survey.until):%Y-%m-%d %H:%M} UTC" if survey.until > survey.now else "at any moment"
    return f"Inputs: {survey.inputs:,}. Expiring {soon}: {survey.expiring:,}; later: {later:,}; never: {survey.permanent:,}."


def _bar_says(bar: Bar, width: int) -> str:
    days = _date(bar.first) if width == 1 else f"{_date(bar.first)} to {_date(bar.first + width - 1)}"
    return f"{days}: {bar.soon:,} too soon, {bar.later:,} later"


def _date(day: int) -> str:
    return f"{moment(day * DAY):%Y-%m-%d}"


def _label(parent: ET.Element, text: str, x: float, y: float, anchor: str) -> None:
    _add(parent, "text", text, x=x, y=y, font_size=13, text_anchor=anchor, **_paint("soft"))


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: object) -> None:
    named = {name.replace("_", "-"): str(value) for name, value in attributes.items()}
    ET.SubElement(parent, tag, named).text = text


def _paint(name: str, what: str = "fill") -> dict[str, str]:
    """The light colour as an attribute, which shows also where styles are not allowed; the style has the dark one."""
    return {"class": f"{name}-{what}", what: _COLOURS[name][0]}


def _dark() -> str:
    rules = (f".{name}-{what}{{{what}:{dark}}}" for name, (_, dark) in _COLOURS.items() for what in ("fill", "stroke"))
    return f"@media (prefers-color-scheme: dark){{{''.join(rules)}}}"


def _attributes(height: int) -> dict[str, str]:
    return {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {_WIDTH} {height}",
        "role": "img",
        "aria-labelledby": "title desc",
        "font-family": "system-ui, sans-serif",
    }
