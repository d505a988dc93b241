"""Reads the colours of ``static/css/tokens.css`` as a browser would, for each scheme."""

import re
from pathlib import Path

from django.conf import settings

Rgb = tuple[float, float, float]
DECLARATION = re.compile(r"(--[\w-]+):\s*([^;]+);")
MIX = re.compile(r"color-mix\(in srgb, (.+?) (\d+)%, (.+)\)$")


def declarations() -> dict[str, dict[str, str]]:
    """Return the custom properties of the light and of the dark scheme, unresolved."""
    css = Path(settings.BASE_DIR, "static/css/tokens.css").read_text()
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    light, dark = css[css.index("@layer tokens {") :].split("@media (prefers-color-scheme: dark)")
    of_light = dict(DECLARATION.findall(light))
    return {"light": of_light, "dark": of_light | dict(DECLARATION.findall(dark))}


def resolve(value: str, properties: dict[str, str]) -> Rgb:
    """Return red, green and blue (0 to 255) of a hex colour, a variable or a mix of the two."""
    value = value.strip()
    if match := re.fullmatch(r"var\((--[\w-]+)\)", value):
        return resolve(properties[match[1]], properties)
    if match := MIX.fullmatch(value):
        first, second = resolve(match[1], properties), resolve(match[3], properties)
        share = int(match[2]) / 100
        return tuple(a * share + b * (1 - share) for a, b in zip(first, second, strict=True))
    assert re.fullmatch(r"#[0-9a-f]{6}", value), value
    return tuple(int(value[at : at + 2], 16) for at in (1, 3, 5))


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast ratio (1 to 21) as WCAG 2.2 defines it."""

    def luminance(colour: Rgb) -> float:
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in (part / 255 for part in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
