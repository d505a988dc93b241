import random

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from feedback.models import Outcome
from feedback.results.figures import StatementFigures
from feedback.statistics import mean, quantile, standard_deviation, wilson_interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # R: binom::binom.wilson(x, n); the first is the example of the design.
        (10, 10, 0.7224672, 1.0),
        (0, 10, 0.0, 0.2775328),
        (5, 10, 0.2365931, 0.7634069),
        (81, 263, 0.2553108, 0.3662068),  # Newcombe, Stat Med 1998;17:857-72, table I
        (15, 148, 0.0624278, 0.1605388),
        (0, 20, 0.0, 0.1611252),
        (1, 29, 0.0061096, 0.1717561),
        (29, 29, 0.8830265, 1.0),
    ],
)
def test_known_values(successes, n, low, high):
    # Newcombe gives four decimals.
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion(successes, n):
    with pytest.raises(ValueError, match="is no proportion"):
        wilson_interval(successes, n)


def random_counts():
    """Return a thousand vectors of counts: few and many answers, holes, and all of one level."""
    chance = random.Random(20260401)
    for number in range(1000):
        most = (1, 3, 20, 500, 3_000)[number % 5]
        counts = [chance.choice([0, chance.randint(0, most)]) for _ in range(5)]
        if any(counts):
            yield tuple(counts)


def statement(counts):
    return StatementFigures(
        key="clear",
        series=1,
        survey="Default",
        text="It was clear",
        outcome=Outcome.SATISFACTION,
        labels=("1", "2", "3", "4", "5"),
        counts=counts,
        not_applicable=0,
        missing=0,
    )


def test_as_numpy_scipy_and_statsmodels_reckon():
    tried = 0
    for counts in random_counts():
        ours = statement(counts)
        levels = np.repeat([1, 2, 3, 4, 5], counts)
        first, second, third = np.quantile(
            levels, [0.25, 0.5, 0.75], method="averaged_inverted_cdf"
        )
        assert ours.quartiles == (first, third)
        assert ours.median == second == np.median(levels)
        assert ours.iqr == stats.iqr(levels, interpolation="averaged_inverted_cdf")
        assert ours.mean == pytest.approx(levels.mean(), rel=1e-12)
        if len(levels) > 1:
            assert ours.sd == pytest.approx(stats.tstd(levels), rel=1e-9, abs=1e-12)
        assert ours.top_2 == (levels >= 4).sum()
        theirs = proportion_confint(ours.top_2, ours.n, method="wilson")
        assert ours.top_2_interval == pytest.approx([100 * end for end in theirs], abs=1e-9)
        interval = stats.binomtest(int(ours.top_2), ours.n).proportion_ci(method="wilson")
        assert ours.top_2_interval == pytest.approx((100 * interval.low, 100 * interval.high))
        tried += 1
    assert tried > 900


def test_without_answers_nothing_is_reckoned():
    nobody = statement((0, 0, 0, 0, 0))
    assert (nobody.median, nobody.quartiles, nobody.iqr, nobody.mean, nobody.sd) == (None,) * 5
    assert statement((0, 0, 0, 1, 0)).sd is None
    assert quantile((0, 2, 0, 0, 2), 0.5) == 3.5
    assert mean((0, 0, 0, 0, 3)) == 5
    assert standard_deviation((0, 0, 0, 0, 3)) == 0
