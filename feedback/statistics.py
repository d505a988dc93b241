"""Figures that hold before a statistician."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

Z_95 = NormalDist().inv_cdf(0.975)

MIN_FOR_SD = 2


def wilson_interval(successes: float, n: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of the proportion ``successes`` / ``n`` (0 to 1 each).

    Unlike the textbook's normal interval it holds for small ``n`` and at 0 and 100 %: 10 of 10
    gives 0.72 to 1. Raises ``ValueError`` unless 0 ≤ successes ≤ n and n > 0.
    Source: Wilson, J Am Stat Assoc 1927;22:209-12.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} of {n} is no proportion")
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    margin = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At the ends rounding would leave 1 - 1e-17, or a negative zero.
    low = 0.0 if successes == 0 else centre - margin
    high = 1.0 if successes == n else centre + margin
    return low, high


# Of an agreement scale, ``counts`` says how many chose each level, the lowest (1) first.


def quantile(counts: Sequence[int], p: float) -> float | None:
    """Return the level that the share ``p`` of the answers do not exceed; None without answers.

    The inverse of the empirical distribution function, with averaging where it is level at ``p``:
    definition 2 of Hyndman and Fan (Am Stat 1996;50:361-5), which needs nothing but an order of
    the levels; numpy calls it "averaged_inverted_cdf". Only there it is between two levels.
    """
    n = sum(counts)
    if n == 0:
        return None
    rank = n * p
    below = 0
    for level, count in enumerate(counts, 1):
        below += count
        if below > rank:
            return level
        if below == rank and count:
            following = next(
                (other for other, more in enumerate(counts, 1) if other > level and more), level
            )
            return (level + following) / 2
    return len(counts)


def mean(counts: Sequence[int]) -> float | None:
    """Return the arithmetic mean of the levels; None without answers."""
    n = sum(counts)
    return sum(level * count for level, count in enumerate(counts, 1)) / n if n else None


def standard_deviation(counts: Sequence[int]) -> float | None:
    """Return the sample's standard deviation (by n - 1); None for fewer than 2 answers."""
    n = sum(counts)
    if n < MIN_FOR_SD:
        return None
    # In whole numbers until the end: no rounding, and never below 0.
    total = sum(level * count for level, count in enumerate(counts, 1))
    squares = sum(level * level * count for level, count in enumerate(counts, 1))
    return sqrt((n * squares - total * total) / (n * (n - 1)))
