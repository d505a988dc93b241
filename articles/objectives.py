"""The linter of learning objectives: one verb, measurable; its level in Bloom's taxonomy.

The levels are those of the revised taxonomy (Anderson and Krathwohl, 2001); the verbs are those
that guides to writing objectives list most often, each at one level: a proposal, not a judgement.
"""

import re

from django.utils.translation import gettext as _

from .models import LearningObjective

BANNED_VERBS = (
    "understand",
    "know",
    "learn",
    "appreciate",
    "be familiar with",
    "become familiar with",
)

Level = LearningObjective.BloomLevel

_VERBS_BY_LEVEL = {
    Level.REMEMBER: "cite define label list match name outline quote recall recite record repeat "
    "reproduce select state",
    Level.UNDERSTAND: "classify describe discuss explain express identify illustrate indicate "
    "infer interpret locate paraphrase recognise recognize report restate review summarise "
    "summarize translate",
    Level.APPLY: "administer apply calculate carry choose complete compute conduct counsel "
    "demonstrate determine dose implement manage operate perform practise practice prepare "
    "prescribe solve treat use",
    Level.ANALYSE: "analyse analyze categorise categorize compare contrast correlate deconstruct "
    "detect diagnose differentiate discriminate distinguish examine investigate organise "
    "organize question relate separate test",
    Level.EVALUATE: "appraise argue assess check conclude critique criticise criticize debate "
    "decide defend estimate evaluate judge justify measure monitor prioritise prioritize rank "
    "rate recommend support validate weigh",
    Level.CREATE: "assemble compose construct create design develop devise draft establish "
    "formulate generate integrate plan predict produce propose synthesise synthesize write",
}
_LEVELS = {verb: level for level, verbs in _VERBS_BY_LEVEL.items() for verb in verbs.split()}

# The verb stands first, perhaps after "To" or an adverb ("Better understand …").
_OPENING = r"^\W*(?:to\s+)?(?:\w+ly\s+|better\s+)?"
_BANNED = re.compile(rf"{_OPENING}({'|'.join(BANNED_VERBS)})\b", re.IGNORECASE)
_FIRST_WORD = re.compile(rf"{_OPENING}([^\W\d_]+)", re.IGNORECASE)
_SECOND_VERB = re.compile(
    rf"\b(?:and|&)\s+(?:to\s+)?(?:\w+ly\s+)?({'|'.join([*BANNED_VERBS, *_LEVELS])})\b"
    # "benefit and rate of response" names a noun.
    r"(?!\s+of\b)(?=\s+\w)",
    re.IGNORECASE,
)


def banned_verb(objective: str) -> str:
    """Return the verb of ``objective`` that cannot be measured, in lower case, or ""."""
    match = _BANNED.match(objective)
    return match[1].lower() if match else ""


def proposed_level(objective: str) -> str:
    """Return the level of the first verb of ``objective`` (a value of ``BloomLevel``), or ""."""
    match = _FIRST_WORD.match(objective)
    return str(_LEVELS.get(match[1].lower(), "")) if match else ""


def objective_warnings(objective: str) -> list[str]:
    """Return what an editor should mend in ``objective``, in words; nothing of it blocks.

    A banned verb is not among it: that is a matter of ``articles.blocks``.
    """
    warnings = []
    if not banned_verb(objective) and not proposed_level(objective):
        warnings.append(
            _(
                "It does not begin with a verb that we know as measurable, such as “interpret” or "
                "“compare”."
            )
        )
    if second := _SECOND_VERB.search(objective):
        warnings.append(
            _("It asks for two things (“and %(verb)s”): make it two objectives.")
            % {"verb": second[1].lower()}
        )
    return warnings
