"""What an editor should look at again in a draft, though it blocks nothing by itself."""

from django.utils.translation import gettext as _

from .abbreviations import unused_abbreviations
from .models import Article
from .objectives import banned_verb, objective_warnings


def draft_warnings(article: Article) -> list[str]:
    """Return hints about the saved ``article``, in words (3 queries)."""
    return [*_objectives(article), *_abbreviations(article)]


def _objectives(article: Article) -> list[str]:
    warnings = []
    for objective in article.objectives.all():
        if verb := banned_verb(objective.text):
            warnings.append(
                _("“%(verb)s” cannot be measured, which blocks publishing: %(text)s")
                % {"verb": verb, "text": objective.text}
            )
        warnings += [
            _("Learning objective “%(text)s”: %(warning)s")
            % {"text": objective.text, "warning": warning}
            for warning in objective_warnings(objective.text)
        ]
    return warnings


def _abbreviations(article: Article) -> list[str]:
    rows = list(article.abbreviations.values_list("short", "long"))
    if not rows:
        return []
    bodies = article.sections.values_list("body", flat=True)
    return [
        _("The abbreviation “%(short)s” does not occur in the text.") % {"short": short}
        for short in unused_abbreviations(rows, bodies)
    ]
