"""Every pair of colours that the style sheets put together is far enough apart (WCAG 2.2 AA)."""

import pytest

from .pairs import MARK, TEXT, pairs
from .tokens import contrast, declarations, resolve

PAIRS = pairs()


def test_the_pairs_are_found():
    """One of each kind: in one rule, inherited, by a sheet's variable, under the pointer, edges."""
    assert {
        ("--on-panel", "--panel", TEXT),
        ("--ink-soft", "--tint", TEXT),
        ("--ink", "--error-tint", TEXT),
        ("--paper", "--success", TEXT),
        ("--on-brand", "--brand-strong", TEXT),
        ("--field-border", "--paper", MARK),
        ("--focus", "--tint-strong", MARK),
    } <= set(PAIRS)


def test_the_measure_is_the_one_of_wcag():
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    # A well-known grey: #767676 is the lightest that passes on white.
    assert contrast((0x76,) * 3, (255, 255, 255)) == pytest.approx(4.54, abs=0.005)


def test_mixtures_are_resolved():
    properties = {"--a": "#ff0000", "--b": "color-mix(in srgb, var(--a) 20%, #ffffff)"}
    assert resolve("var(--b)", properties) == (255, 204, 204)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_pair_is_readable(scheme, front, ground, least):
    properties = declarations()[scheme]
    ratio = contrast(resolve(f"var({front})", properties), resolve(f"var({ground})", properties))
    assert ratio >= least, f"{front} on {ground}: {ratio:.2f}"
