"""What keeps a draft from being published, each with the part of the form that it is about."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.core.rich_text import plain_text

from .citations import citation_errors, cited_keys
from .competing_interests import (
    InControl,
    Interest,
    approver_person,
    interests,
    people_in_control,
)
from .models import Article, Overruling, Reference, Section
from .objectives import banned_verb
from .product_names import product_hits
from .references import describe_updates, is_cited_as_retracted, is_retracted
from .tables import table_problem

# Parts of the form that are rows of their own; the admin names their elements after them.
NO_APPROVER_PERSON = gettext_lazy(
    "Whoever approves discloses, too: the approver's account belongs to no person."
)
INLINES = ("article_authors", "objectives", "sections", "references", "abbreviations")


@dataclass(frozen=True, slots=True)
class Block:
    """One reason. ``field``: a field of the article, an inline ("sections"), or one of its rows
    ("sections-2", counted from 0 in the form's order), or empty."""

    field: str
    message: str
    # Settled not in the form, but on the article's page "Independence".
    is_decided_apart: bool = False

    @property
    def anchor(self) -> str:
        """The id of the element on the article's form in the admin."""
        if self.field in INLINES:
            return f"{self.field}-group"
        if not self.field:
            return ""
        return self.field if self.field.startswith(INLINES) else f"id_{self.field}"


class PublicationBlocked(Exception):  # noqa: N818 - it reads as what happened
    """Raised instead of publishing; ``blocks`` says what is missing."""

    def __init__(self, blocks: list[Block]) -> None:
        super().__init__("; ".join(block.message for block in blocks))
        self.blocks = blocks


def publication_blocks(article: Article, on: date | None = None) -> list[Block]:
    """Return everything that keeps ``article`` from being published on ``on`` (default: today).

    Of what is stored, whatever ``article`` itself holds (17 queries).
    """
    article = Article.objects.prefetch_related(
        "topics", "objectives", "sections", "references", "abbreviations"
    ).get(pk=article.pk)
    return [
        *_field_blocks(article),
        *_author_blocks(article, on),
        *_objective_blocks(article),
        *_section_blocks(article),
        *_product_blocks(article),
    ]


def _field_blocks(article: Article) -> list[Block]:
    blocks = []
    if not article.title.strip():
        blocks.append(Block("title", _("The article has no title.")))
    if not article.summary.strip():
        blocks.append(Block("summary", _("The article has no summary.")))
    if not article.topics.all():
        blocks.append(Block("topics", _("The article belongs to no topic.")))
    if not article.ai_statement.strip():
        blocks.append(
            Block(
                "ai_statement",
                _("The article does not say whether AI tools were used, for example: “%(none)s”")
                % {"none": _("No AI tools were used.")},
            )
        )
    return blocks


def _author_blocks(article: Article, on: date | None) -> list[Block]:
    people = people_in_control(article, on)
    blocks = [
        Block(_author_field(holder), message)
        for holder in people
        if (message := _disclosure_problem(holder))
    ]
    if article.approved_by_id is not None and approver_person(article) is None:
        blocks.append(Block("", str(NO_APPROVER_PERSON)))
    if not any(holder.is_author for holder in people):
        blocks.append(Block("article_authors", _("The article has no author.")))
    blocks += [
        Block(_author_field(interest.holder), _interest_problem(interest), is_decided_apart=True)
        for interest in interests(article, people)
        if not interest.is_settled
    ]
    return blocks


def _author_field(holder: InControl) -> str:
    return "" if holder.row is None else f"article_authors-{holder.row}"


def _disclosure_problem(holder: InControl) -> str:
    if holder.disclosure is None:
        return _("%(name)s has no current disclosure of financial relationships.") % {
            "name": holder.person.name
        }
    if not holder.disclosure.has_none and not holder.disclosure.relationships.all():
        return _("The disclosure of %(name)s says neither “none” nor names a relationship.") % {
            "name": holder.person.name
        }
    return ""


def _interest_problem(interest: Interest) -> str:
    names = {"name": interest.holder.person.name, "company": interest.relationship.company}
    if interest.assessment is None:
        return (
            _("Is the relationship of %(name)s with %(company)s relevant here? Assess it.") % names
        )
    if interest.assessment.mitigated_on is None:
        return _("The relevant relationship of %(name)s with %(company)s is not mitigated.") % names
    return (
        _(
            "The relevant relationship of %(name)s with %(company)s was not mitigated before "
            "the work began."
        )
        % names
    )


def _product_blocks(article: Article) -> list[Block]:
    messages = {
        Overruling.Rule.TRADE_NAME: _(
            "“%(found)s” is a trade name of a funder. Use the generic name, or say why it is none."
        ),
        Overruling.Rule.LINK: _(
            "“%(found)s” leads to a funder's site. Remove the link, or say why it may stay."
        ),
    }
    return [
        Block(hit.field, messages[hit.rule] % {"found": hit.found}, is_decided_apart=True)
        for hit in product_hits(article)
    ]


def _objective_blocks(article: Article) -> list[Block]:
    objectives = list(article.objectives.all())
    if not objectives:
        return [Block("objectives", _("The article has no learning objective."))]
    return [
        Block(
            f"objectives-{row}",
            _("“%(verb)s” cannot be measured: name what learners will be able to do.")
            % {"verb": verb},
        )
        for row, objective in enumerate(objectives)
        if (verb := banned_verb(objective.text))
    ]


def _section_blocks(article: Article) -> list[Block]:
    sections = list(article.sections.all())
    references = list(article.references.all())
    keys = {reference.key for reference in references}
    blocks = [*_retraction_blocks(references, sections), *_update_blocks(references, sections)]
    if not any(
        section.kind == Section.Kind.TEXT and plain_text(section.body) for section in sections
    ):
        blocks.append(Block("sections", _("The article has no section of text.")))
    for row, section in enumerate(sections):
        field = f"sections-{row}"
        blocks += [Block(field, error) for error in citation_errors(section.body, keys)]
        if section.kind in Section.KEY_KINDS and not keys.intersection(cited_keys(section.body)):
            blocks.append(
                Block(
                    field,
                    _("The section “%(section)s” cites no reference.") % {"section": section},
                )
            )
        if section.kind == Section.Kind.TABLE and (problem := table_problem(section.body)):
            blocks.append(
                Block(field, f"{_('The section “%(section)s”:') % {'section': section}} {problem}")
            )
        if not plain_text(section.body):
            blocks.append(
                Block(field, _("The section “%(section)s” is empty.") % {"section": section})
            )
    return blocks


def _retraction_blocks(references: list[Reference], sections: list[Section]) -> list[Block]:
    cited = {key for section in sections for key in cited_keys(section.body)}
    return [
        Block(
            f"references-{row}",
            _(
                "The source “%(key)s” was retracted. Cite it no longer, or say at the reference "
                "that the article cites it as a retracted source."
            )
            % {"key": reference.key},
        )
        for row, reference in enumerate(references)
        if reference.key in cited
        and is_retracted(reference.csl)
        and not is_cited_as_retracted(reference.csl)
    ]


def _update_blocks(references: list[Reference], sections: list[Section]) -> list[Block]:
    cited = {key for section in sections for key in cited_keys(section.body)}
    return [
        Block(
            f"references-{row}",
            _(
                "Crossref reports news of the source “%(key)s”: %(news)s. Look at it, and say at "
                "the reference that you have seen it."
            )
            % {"key": reference.key, "news": describe_updates(reference.updates)},
        )
        for row, reference in enumerate(references)
        if reference.key in cited and not reference.updates_seen
    ]
