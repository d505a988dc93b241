# ruff: noqa: RUF001 - the dashes and minus signs of the text are the point
"""The arithmetic of the made-up examples, computed anew and looked up in the text."""

from io import BytesIO
from math import comb, exp, floor, log, sqrt
from statistics import mean, median

import pytest
from PIL import Image, ImageColor

from portal.demo.drawings import (
    BOTTOM,
    CURVE,
    FOLLOW_UP,
    INK,
    LEFT,
    MEDIAN,
    MONTHS_SHOWN,
    RIGHT,
    SIZE,
    SOFT,
    TOP,
    at_risk,
    censored,
    draw_kaplan_meier,
    kaplan_meier_steps,
)
from tests.demo.test_content import text_of
from tests.design.tokens import contrast

Z = 1.959963984540054  # the 97.5th percentile of the normal distribution


def wilson(hits: int, n: int) -> tuple[float, float]:
    share, z2 = hits / n, Z * Z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return 100 * (centre - half), 100 * (centre + half)


def two_sided_p(z: float) -> float:
    """Of a normal variable, by Simpson's rule."""
    steps, width = 2000, z / 2000
    density = [exp(-((i * width) ** 2) / 2) / sqrt(2 * 3.141592653589793) for i in range(steps + 1)]
    middle = sum((4 if i % 2 else 2) * density[i] for i in range(1, steps))
    return 1 - 2 * width / 3 * (density[0] + middle + density[-1])


@pytest.mark.parametrize("control", [90, 50, 20])
def test_survival_under_a_hazard_ratio(control):
    treated = 100 * (control / 100) ** 0.5
    row = f"{control:.1f}% {treated:.1f}% {treated - control:.1f} points"
    assert row in text_of("hazard-ratio")


def test_limits_of_ratios_are_lopsided():
    text = text_of("hazard-ratio")
    assert "HR of 0.70 with a 95% confidence interval of 0.50 to 0.98" in text
    assert round(sqrt(0.50 * 0.98), 2) == 0.70
    text = text_of("confidence-interval")
    assert "hazard ratio of 0.80 with a CI of 0.50 to 1.28" in text
    assert round(sqrt(0.50 * 1.28), 2) == 0.80
    assert "odds ratio of 0.60 may have a CI of 0.40 to 0.90" in text
    assert round(0.40 * 1.5, 2) == 0.60
    assert round(0.60 * 1.5, 2) == 0.90


def test_kaplan_meier_by_hand():
    # (month, whether it is an event), as the text tells it.
    patients = [(2, True), (4, False), (5, True), (5, True), (7, False), (7, False), (9, True)]
    patients += [(12, False)] * 3
    assert len(patients) == 10
    text, estimate = text_of("kaplan-meier-curve"), 1.0
    drops = []
    for month in (2, 5, 9):
        at_risk = sum(time >= month for time, _ in patients)
        events = patients.count((month, True))
        before, estimate = estimate, estimate * (at_risk - events) / at_risk
        drops.append(before - estimate)
        fraction = f"{at_risk - events}/{at_risk}"
        assert f"{month} {at_risk} {events} {fraction} {100 * estimate:.1f}%" in text
    assert f"by {100 * drops[-1]:.0f} points" in text
    assert 0.50 < estimate < 0.51  # the median is not reached, by less than one point
    assert "claim 60% free" in text


def test_kaplan_meier_figure_shows_the_same_ten_patients():
    text = text_of("kaplan-meier-curve")
    assert [FOLLOW_UP.count(end) for end in ((2, True), (5, True), (9, True))] == [1, 2, 1]
    assert [FOLLOW_UP.count(end) for end in ((4, False), (7, False), (12, False))] == [1, 2, 3]
    assert len(FOLLOW_UP) == 10
    begun, *steps = kaplan_meier_steps()
    assert begun == (0, 1.0)
    first, second, third = (f"to {100 * share:.1f}% at month {month}" for month, share in steps)
    assert f"steps down {first}, {second} and {third}" in text
    for month, share in steps:
        events = FOLLOW_UP.count((month, True))
        left = at_risk(month)
        assert f"{month} {left} {events} {left - events}/{left} {100 * share:.1f}%" in text
    assert censored() == {4: 1, 7: 2, 12: 3}
    assert "one patient censored at month 4, two at month 7 and three at month 12" in text
    start, *others = (at_risk(month) for month in MONTHS_SHOWN)
    numbers = [
        f"{left} at month {month}" for month, left in zip((3, 6, 9, 12), others, strict=True)
    ]
    assert f"{start} at the start, {', '.join(numbers[:-1])} and {numbers[-1]}" in text


def test_kaplan_meier_figure_is_drawn_where_its_numbers_say():
    with Image.open(BytesIO(draw_kaplan_meier())) as image:
        assert image.size == SIZE
        # The middle of each level of the curve, clear of ticks, in the curve's colour.
        for month, share in ((1, 1.0), (3, 0.9), (6, 0.675), (10, 0.50625)):
            place = (
                LEFT + (RIGHT - LEFT) * month // 12,
                round(BOTTOM - (BOTTOM - TOP) * share),
            )
            assert image.getpixel(place) == ImageColor.getrgb(CURVE)
    assert draw_kaplan_meier() == draw_kaplan_meier()


@pytest.mark.parametrize("colour", [INK, SOFT, CURVE, MEDIAN])
@pytest.mark.parametrize("brightness", [1, 0.85])  # in the dark scheme figures are dimmed
def test_colours_of_the_figure_can_be_read_on_white(colour, brightness):
    on, ground = (
        tuple(part * brightness for part in ImageColor.getrgb(name)) for name in (colour, "white")
    )
    assert contrast(on, ground) >= 4.5


@pytest.mark.parametrize(
    ("hits", "n", "words"),
    [(4, 10, "4 of 10"), (20, 50, "20 of 50"), (40, 100, "40 of 100"), (400, 1000, "400 of 1,000")],
)
def test_intervals_of_a_response_rate(hits, n, words):
    low, high = wilson(hits, n)
    assert f"{words} 40% {low:.1f}–{high:.1f}%" in text_of("confidence-interval")


def test_ten_of_ten():
    low, high = wilson(10, 10)
    assert round(high, 9) == 100
    assert f"from {low:.1f}% to 100%" in text_of("confidence-interval")
    assert f"true share of {low:.1f}%" in text_of("agreement-scales-in-evaluation")


def test_four_times_the_patients_halve_the_interval():
    (low, high), (low4, high4) = wilson(400, 1000), wilson(1600, 4000)
    assert (high - low) / (high4 - low4) == pytest.approx(2, abs=0.01)


def test_nine_heads():
    as_lopsided = 2 * (comb(10, 9) + comb(10, 10))
    text = text_of("p-value")
    assert f"{as_lopsided} of 1,024" in text
    assert f"p = {as_lopsided / 1024:.3f}" in text


def test_false_among_the_significant():
    real, none = 100, 900
    hits, alarms = round(real * 0.80), round(none * 0.05)
    text = text_of("p-value")
    assert f"p below 0.05 {hits} {alarms} {hits + alarms}" in text
    misses, silent = real - hits, none - alarms
    assert f"p of 0.05 or more {misses} {silent} {misses + silent}" in text
    assert f"{100 * alarms / (hits + alarms):.0f}%, although" in text
    assert "36% of results with p below 0.05 are false" in text


def test_many_tests():
    assert f"below 0.05 is {100 * (1 - 0.95**20):.0f}%" in text_of("p-value")
    text = text_of("subgroups-and-forest-plots")
    assert f"suggest a difference is {100 * (1 - 0.95**10):.0f}%" in text


def test_sum_of_products_falls():
    assert f"The decrease is {100 * (40 - 18) / 40:.0f}%" in text_of("lugano-response-criteria")


@pytest.mark.parametrize(("interval", "month"), [(2, 4), (3, 6)])
def test_growth_is_dated_to_the_next_scan(interval, month):
    assert (floor(3.5 / interval) + 1) * interval == month
    words = {2: "two", 3: "three"}[interval]
    text = text_of("progression-free-and-overall-survival")
    assert f"every {words} months, " in text
    assert f"at month {month}" in text


def test_interaction_by_hand():
    text = text_of("subgroups-and-forest-plots")
    logs = [log(0.60), log(0.80)]
    errors = [(log(0.90) - log(0.40)) / (2 * 1.96), (log(1.28) - log(0.50)) / (2 * 1.96)]
    assert f"{logs[0]:.3f} {logs[1]:.3f}".replace("-", "−") in text
    assert f"{errors[0]:.3f} {errors[1]:.3f}" in text
    difference, error = logs[1] - logs[0], sqrt(errors[0] ** 2 + errors[1] ** 2)
    assert f"HRs differ by {difference:.3f}" in text
    assert f"is {error:.3f}; their ratio is {difference / error:.2f}" in text
    assert f"p for interaction is about {two_sided_p(difference / error):.2f}" in text
    assert two_sided_p(log(0.60) / -errors[0]) < 0.05  # "the first is significant"
    assert two_sided_p(log(0.80) / -errors[1]) > 0.05  # "the second is not"


def test_fifty_answers():
    counts = {1: 2, 2: 3, 3: 10, 4: 20, 5: 15}
    answers = [level for level, count in counts.items() for _ in range(count)]
    assert len(answers) == 50
    text = text_of("agreement-scales-in-evaluation")
    for level, count in counts.items():
        assert f"{level} {count} {100 * count // 50}%" in text
    favourable = sum(level >= 4 for level in answers)
    low, high = wilson(favourable, 50)
    assert f"median is {median(answers):.0f} (“agree”), and the mean is {mean(answers)}." in text
    assert f"{favourable} of 50, or {2 * favourable}%" in text
    assert f"interval of {low:.1f}–{high:.1f}% by Wilson" in text
    assert f"(95% CI, {low:.1f}–{high:.1f}% by Wilson" in text
    assert mean([3] * 100) == mean([1] * 50 + [5] * 50) == 3


def test_four_numbers_of_one_trial():
    text = text_of("number-needed-to-treat")
    treated, control, n = 150 / 1000, 200 / 1000, 1000
    reduction = control - treated
    assert f"15% ÷ 20% = {treated / control:.2f}" in text
    assert f"1 − 0.75 = {1 - treated / control:.0%}" in text
    assert f"1 ÷ 0.05 = {1 / reduction:.0f}" in text
    assert f"(200 ÷ 800) = {(150 / 850) / (200 / 800):.2f}" in text
    error = sqrt(treated * (1 - treated) / n + control * (1 - control) / n)
    low, high = reduction - Z * error, reduction + Z * error
    assert f"{100 * low:.1f} to {100 * high:.1f} points" in text
    assert f"interval of {1 / high:.0f} to {1 / low:.0f}" in text
    assert f"(95% CI, {1 / high:.0f}–{1 / low:.0f})" in text
    assert f"number needed to harm is {1 / (0.14 - 0.10):.0f}" in text
    assert f"With maintenance {100 * 0.02 * 0.75:.1f}% will relapse" in text
    assert f"the NNT is {1 / (0.02 - 0.015):.0f}" in text
    assert 5 + 80 + 15 == 100


def test_difference_from_nothing():
    text = text_of("registries-and-randomised-trials")
    responses = {"A": (80 * 60 // 100, 20 * 20 // 100), "B": (20 * 60 // 100, 80 * 20 // 100)}
    (fit_a, frail_a), (fit_b, frail_b) = responses["A"], responses["B"]
    all_a, all_b = fit_a + frail_a, fit_b + frail_b
    assert f"{fit_a} of 80 (60%) {fit_b} of 20 (60%)" in text
    assert f"{frail_a} of 20 (20%) {frail_b} of 80 (20%)" in text
    assert f"{all_a} of 100 ({all_a}%) {all_b} of 100 ({all_b}%)" in text
    assert f"advantage of {all_a - all_b} percentage points" in text
