"""Figures that hold before a statistician."""

from math import sqrt
from statistics import NormalDist

Z_95 = NormalDist().inv_cdf(0.975)


def wilson_interval(successes: int, n: int, z: float = Z_95) -> tuple[float, float]:
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
