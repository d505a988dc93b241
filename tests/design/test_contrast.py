"""Every pair of colours that the style sheets put together is far enough apart (WCAG 2.2 AA)."""

import pytest

from .tokens import contrast, declarations, resolve

TEXT = 4.5
MARK = 3.0  # borders of fields, focus rings, marks (1.4.11)

GROUNDS = ["--paper", "--tint", "--tint-strong"]
PAIRS = [
    *((text, ground, TEXT) for text in ("--ink", "--ink-soft", "--brand") for ground in GROUNDS),
    ("--on-brand", "--brand", TEXT),
    ("--on-brand", "--brand-strong", TEXT),
    ("--on-panel", "--panel", TEXT),
    ("--error", "--paper", TEXT),
    ("--error", "--tint", TEXT),
    ("--error", "--error-tint", TEXT),
    ("--warning", "--paper", TEXT),
    *((f"--{kind}", f"--{kind}-tint", MARK) for kind in ("success", "warning", "error")),
    *(("--ink", f"--{kind}-tint", TEXT) for kind in ("success", "warning", "error")),
    # The mark of a notice: paper on the notice's colour.
    *(("--paper", f"--{kind}", TEXT) for kind in ("success", "warning", "error", "brand")),
    ("--field-border", "--paper", MARK),
    ("--field-border", "--tint", MARK),
    *(("--focus", ground, MARK) for ground in GROUNDS),
]


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
