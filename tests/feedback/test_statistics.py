import pytest

from feedback.statistics import wilson_interval


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
