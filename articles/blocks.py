"""What keeps a draft from being published, each with the part of the form that it is about."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from portal.core.rich_text import plain_text
from portal.people.models import Person

from .citations import citation_errors, cited_keys
from .models import Article, ArticleAuthor, Reference, Section
from .objectives import banned_verb
from .references import describe_updates, is_cited_as_retracted, is_retracted
from .tables import table_problem

# Parts of the form that are rows of their own; the admin names their elements after them.
INLINES = ("article_authors", "objectives", "sections", "references", "abbreviations")


@dataclass(frozen=True, slots=True)
class Block:
    """One reason. ``field``: a field of the article, an inline ("sections"), or one of its rows
    ("sections-2", counted from 0 in the form's order), or empty."""

    field: str
    message: str

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

    At most 7 queries.
    """
    return [
        *_field_blocks(article),
        *_author_blocks(article, on),
        *_objective_blocks(article),
        *_section_blocks(article),
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
    named = list(
        article.article_authors.select_related("person").prefetch_related(
            "person__disclosures__relationships"
        )
    )
    blocks = [
        Block(f"article_authors-{number}", message)
        for number, row in enumerate(named)
        if (message := _disclosure_problem(row.person, on))
    ]
    if not any(row.contribution == ArticleAuthor.Contribution.AUTHOR for row in named):
        blocks.append(Block("article_authors", _("The article has no author.")))
    return blocks


def _disclosure_problem(person: Person, on: date | None) -> str:
    disclosure = person.current_disclosure(on)
    if disclosure is None:
        return _("%(name)s has no current disclosure of financial relationships.") % {
            "name": person.name
        }
    if not disclosure.has_none and not disclosure.relationships.all():
        return _("The disclosure of %(name)s says neither “none” nor names a relationship.") % {
            "name": person.name
        }
    return ""


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
