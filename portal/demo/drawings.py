"""Figures of the demonstration articles, drawn from their worked examples.

An article's file names one of ``DRAWINGS``. Sizes are in pixels of an image that is about twice
as fine as a wide window shows it (static/css/prose.css), and whose letters can still be read on a
phone, where it is 288 CSS pixels wide.
"""

from collections.abc import Callable
from io import BytesIO
from itertools import pairwise

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

# (month of the last observation, whether the patient progressed then): made up.
FOLLOW_UP = (
    *((2, True), (4, False), (5, True), (5, True), (7, False), (7, False), (9, True)),
    *((12, False), (12, False), (12, False)),
)
LAST_MONTH = 12
MONTHS_SHOWN = range(0, LAST_MONTH + 1, 3)

SIZE = (1080, 1050)
LEFT, RIGHT, TOP, BOTTOM = 130, 1040, 120, 720  # of the plot
LETTERS = 42
FONT = settings.BASE_DIR / "static" / "vendor" / "source-sans-3" / "latin-normal.woff2"
# At least 4.5 : 1 on white each, and told apart without colour: by line style and label.
INK, SOFT, CURVE, MEDIAN, GRID = "#15212a", "#4b5963", "#0b4a5a", "#a8420a", "#d5dfe2"


def at_risk(month: float) -> int:
    """Return how many patients are still followed just before ``month``."""
    return sum(last >= month for last, _is_event in FOLLOW_UP)


def kaplan_meier_steps() -> list[tuple[int, float]]:
    """Return (month, estimated share free of progression from then on), beginning with (0, 1.0)."""
    steps = [(0, 1.0)]
    for month in sorted({last for last, is_event in FOLLOW_UP if is_event}):
        events = FOLLOW_UP.count((month, True))
        steps.append((month, steps[-1][1] * (1 - events / at_risk(month))))
    return steps


def censored() -> dict[int, int]:
    """Return month → how many patients were censored then."""
    months = [last for last, is_event in FOLLOW_UP if not is_event]
    return {month: months.count(month) for month in sorted(set(months))}


def draw_kaplan_meier() -> bytes:
    """Return a PNG of the curve, with ticks, the 50% line and the numbers at risk."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    _axes(draw)
    _dashed(draw, _y(0.5), MEDIAN)
    _text(draw, (_x(0.15), _y(0.5) + 12), "50%: the median would be reached", fill=MEDIAN)
    steps = kaplan_meier_steps()
    ends = [*steps, (LAST_MONTH, steps[-1][1])]
    for (month, share), (until, after) in pairwise(ends):
        draw.line([(_x(month), _y(share)), (_x(until), _y(share))], fill=CURVE, width=8)
        draw.line([(_x(until), _y(share) - 4), (_x(until), _y(after) + 4)], fill=CURVE, width=8)
        if month:
            place = (_x(month) + 12, _y(share) + 14)
            _text(draw, place, f"{100 * share:.1f}%", fill=CURVE, weight=650)
    for month, count in censored().items():
        share = next(share for start, share in reversed(steps) if start <= month)
        draw.line([(_x(month), _y(share) - 26), (_x(month), _y(share) + 26)], fill=INK, width=6)
        anchor = "rd" if month == LAST_MONTH else "md"
        _text(draw, (_x(month), _y(share) - 34), f"{count} censored", fill=SOFT, anchor=anchor)
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


DRAWINGS: dict[str, Callable[[], bytes]] = {"kaplan_meier": draw_kaplan_meier}


def _x(month: float) -> float:
    return LEFT + (RIGHT - LEFT) * month / LAST_MONTH


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    fill: str = INK,
    weight: int = 400,
    anchor: str = "la",
) -> None:
    font = ImageFont.truetype(FONT, LETTERS)
    font.set_variation_by_axes([weight])
    # A rim of white keeps the lines of the grid out of the letters.
    draw.text(place, text, fill=fill, font=font, anchor=anchor, stroke_width=5, stroke_fill="white")


def _axes(draw: ImageDraw.ImageDraw) -> None:
    _text(draw, (LEFT - 106, 24), "Estimated share free of progression", weight=650)
    for percent in range(0, 101, 25):
        height = _y(percent / 100)
        draw.line([(LEFT, height), (RIGHT, height)], fill=GRID, width=2)
        _text(draw, (LEFT - 20, height), f"{percent}%", anchor="rm")
    draw.line([(LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)], fill=INK, width=4)
    for month in MONTHS_SHOWN:
        draw.line([(_x(month), BOTTOM), (_x(month), BOTTOM + 14)], fill=INK, width=4)
        _text(draw, (_x(month), BOTTOM + 22), str(month), anchor="ma")
        _text(draw, (_x(month), BOTTOM + 250), str(at_risk(month)), anchor="ma")
    _text(draw, (RIGHT, BOTTOM + 82), "Months of follow-up", weight=650, anchor="ra")
    _text(draw, (LEFT - 106, BOTTOM + 180), "Patients at risk", weight=650)


def _dashed(draw: ImageDraw.ImageDraw, height: float, fill: str) -> None:
    for start in range(LEFT, RIGHT, 36):
        draw.line([(start, height), (min(start + 20, RIGHT), height)], fill=fill, width=4)
