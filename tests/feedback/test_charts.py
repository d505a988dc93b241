"""Where charts draw what: reckoned by hand."""

from datetime import date

import pytest

from feedback.models import Outcome
from feedback.results.charts import (
    BAR_LENGTH,
    TREND_BOTTOM,
    TREND_LEFT,
    TREND_RIGHT,
    TREND_TOP,
    bar,
    diverging_scale,
    interval,
    trend,
)
from feedback.results.figures import StatementFigures

LABELS = ("None", "Little", "Some", "Much", "All")


def figures(*counts):
    return StatementFigures(
        key="clear",
        series=1,
        survey="Article feedback",
        text="The content was clear",
        outcome=Outcome.SATISFACTION,
        labels=LABELS,
        counts=counts,
        not_applicable=0,
        missing=0,
    )


def test_a_scale_reaches_as_far_as_the_longest_bars():
    # Half of "neither" counts to each side.
    scale = diverging_scale([figures(0, 2, 2, 2, 4), figures(0, 0, 2, 4, 4)])
    assert (scale.left, scale.right) == (50, 100)
    assert scale.middle == BAR_LENGTH / 3
    assert [(tick.percent, tick.at) for tick in scale.ticks] == [
        (50, 0),
        (0, 200),
        (50, 400),
        (100, 600),
    ]


def test_a_short_scale_has_more_lines():
    scale = diverging_scale([figures(0, 0, 0, 5, 5)])
    assert (scale.left, scale.right) == (25, 100)
    assert [tick.percent for tick in scale.ticks] == [25, 0, 25, 50, 75, 100]


def test_nobody_and_everybody_on_one_side():
    assert diverging_scale([]) == diverging_scale([figures(0, 0, 0, 0, 0)])
    scale = diverging_scale([figures(10, 0, 0, 0, 0)])
    assert (scale.left, scale.right) == (100, 25)


def test_bars_diverge_from_the_middle_of_neither():
    statement = figures(2, 2, 2, 2, 2)
    scale = diverging_scale([statement])
    assert (scale.left, scale.right) == (50, 50)
    segments = bar(statement, scale)
    assert [(s.x, s.width) for s in segments] == [
        (0, 120),
        (120, 120),
        (240, 120),
        (360, 120),
        (480, 120),
    ]
    assert segments[2].middle == scale.middle
    assert [(s.label, s.count, s.percent) for s in segments] == [(w, 2, 20) for w in LABELS]


def test_short_parts_have_no_label():
    statement = figures(1, 0, 0, 0, 99)
    segments = bar(statement, diverging_scale([statement]))
    assert [s.is_labelled for s in segments] == [False, False, False, False, True]


def test_no_line_bridges_a_gap():
    shown = figures(0, 0, 0, 5, 5)
    months = [
        (date(2025, 9, 1), shown),
        (date(2025, 10, 1), shown),
        (date(2025, 11, 1), None),
        (date(2025, 12, 1), shown),
    ]
    drawn = trend(months)
    assert [point.figures is None for point in drawn.points] == [False, False, True, False]
    assert len(drawn.lines) == 1
    assert (drawn.lines[0].x1, drawn.lines[0].x2) == (drawn.points[0].x, drawn.points[1].x)
    assert drawn.has_gaps
    assert drawn.last_shown is drawn.points[3]


def test_a_month_in_which_nobody_answered_is_a_gap():
    drawn = trend([(date(2025, 9, 1), figures(0, 0, 0, 0, 0))])
    assert drawn.points[0].figures is None
    assert drawn.last_shown is None


def test_heights_are_those_of_the_share_and_its_interval():
    [point] = trend([(date(2025, 9, 1), figures(0, 0, 5, 5, 0))]).points
    assert point.y == (TREND_TOP + TREND_BOTTOM) / 2
    # R: binom::binom.wilson(5, 10): 0.2365931 to 0.7634069
    span = TREND_BOTTOM - TREND_TOP
    assert point.y_low == pytest.approx(TREND_BOTTOM - span * 0.2365931, abs=0.01)
    assert point.y_high == pytest.approx(TREND_BOTTOM - span * 0.7634069, abs=0.01)


def test_many_months_stay_inside_and_not_all_are_labelled():
    months = [(date(2020 + n // 12, n % 12 + 1, 1), figures(0, 0, 0, 5, 5)) for n in range(72)]
    points = trend(months).points
    assert points[0].x > TREND_LEFT
    assert points[-1].x < TREND_RIGHT
    labelled = [point.x for point in points if point.is_labelled]
    assert points[-1].is_labelled
    assert len(labelled) == 4
    assert trend([]).points == ()


def test_an_interval_lies_between_zero_and_a_hundred():
    placed = interval(low=25, share=50, high=100)
    assert (placed.low, placed.share, placed.high) == (50, 100, 200)
