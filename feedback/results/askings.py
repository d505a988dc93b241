"""Which statements are hidden because those beside them would tell of too few.

Some survey versions ask a statement, others do not. Where the people of three and more versions
stand on one page, sums and differences of what is shown may leave those of a version that few
answered: of 123, 100 were asked one statement and 20 another, so 3 were asked neither.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction

# Survey versions whose responses are counted together.
Asked = frozenset[int]


def without_openings(
    asked: Sequence[Asked], everybody: Asked, is_small: Callable[[Asked], bool]
) -> list[int]:
    """Return the places of those that may be shown together; ``asked``: the smallest first.

    The smallest are hidden until nothing that is small can be reckoned from the others.
    """
    shown = list(range(len(asked)))
    while shown and _opens([asked[place] for place in shown], everybody, is_small):
        shown = shown[1:]
    return shown


def _opens(asked: Sequence[Asked], everybody: Asked, is_small: Callable[[Asked], bool]) -> bool:
    """Whether sums and differences of the figures leave responses of 1 to 9 people."""
    # Versions that no figure tells apart.
    together: dict[tuple[bool, ...], set[int]] = defaultdict(set)
    for version in everybody:
        together[tuple(version in one for one in asked)].add(version)
    atoms = [frozenset(versions) for versions in together.values()]

    def row(versions: Asked) -> list[Fraction]:
        return [Fraction(atom <= versions) for atom in atoms]

    figures = _reduced([row(everybody), *map(row, asked)])
    small = [atom for atom in atoms if is_small(atom)]
    # A union is small only where each of its parts is.
    unions = list(enumerate(small))
    while unions:
        if any(len(_reduced([*figures, row(union)])) == len(figures) for _last, union in unions):
            return True
        unions = [
            (place, union | atom)
            for last, union in unions
            for place, atom in enumerate(small)
            if place > last and is_small(union | atom)
        ]
    return False


def _reduced(rows: list[list[Fraction]]) -> list[list[Fraction]]:
    """Return as many independent rows as ``rows`` have (Gaussian elimination)."""
    rows, found = [list(row) for row in rows], []
    for column in range(len(rows[0])):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        found.append(pivot)
        rows = [
            [
                value - row[column] / pivot[column] * of_pivot
                for value, of_pivot in zip(row, pivot, strict=True)
            ]
            for row in rows
        ]
    return found
