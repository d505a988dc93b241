"""The characters that keyboards lack and medical texts need, with the names that are read out."""
# ruff: noqa: RUF001 - which character is which is what this list says

from django.utils.translation import gettext_lazy as _

SPECIAL_CHARACTERS = [
    ("≥", _("greater than or equal to")),
    ("≤", _("less than or equal to")),
    ("±", _("plus or minus")),
    ("×", _("times")),
    ("÷", _("divided by")),
    ("−", _("minus")),
    ("≈", _("approximately")),
    ("≠", _("not equal to")),
    ("–", _("en dash")),
    ("—", _("em dash")),
    ("…", _("ellipsis")),
    ("·", _("middle dot")),
    ("•", _("bullet")),
    ("°", _("degree")),
    ("′", _("prime")),
    ("″", _("double prime")),
    ("‰", _("per mille")),
    ("½", _("one half")),
    ("→", _("arrow to the right")),
    ("↑", _("arrow up")),
    ("↓", _("arrow down")),
    ("®", _("registered")),
    ("™", _("trade mark")),
    ("†", _("dagger")),
    ("α", _("alpha")),
    ("β", _("beta")),
    ("γ", _("gamma")),
    ("δ", _("delta")),
    ("Δ", _("capital delta")),
    ("κ", _("kappa")),
    ("λ", _("lambda")),
    ("µ", _("micro")),
    ("σ", _("sigma")),
    ("χ", _("chi")),
    ("\N{NO-BREAK SPACE}", _("no-break space")),
]

# What the module js/special_characters.js reads.
PALETTE = {"title": _("Special characters"), "characters": SPECIAL_CHARACTERS}
