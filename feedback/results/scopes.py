"""Which articles stand under which topics, and who their authors are: for all articles at once."""

from collections import defaultdict
from dataclasses import dataclass

from django.db import connection

from articles.models.topics import topic_tree
from portal.core.content_cache import content_cached

# ("article" | "topic" | "author", primary key); None is the whole portal.
Scope = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Scopes:
    """``of``: article → the topics (broader ones, too) and authors that it belongs to.

    ``members``: the reverse.
    """

    of: dict[int, frozenset[Scope]]
    members: dict[Scope, frozenset[int]]

    def articles(self, scope: Scope | None) -> frozenset[int] | None:
        """Return the articles of ``scope``; None for all of the portal's."""
        if scope is None:
            return None
        if scope[0] == "article":
            return frozenset([scope[1]])
        return self.members.get(scope, frozenset())


# Who stands in the byline of the version that readers see, or saw last.
_AUTHORS = """
    SELECT article.id, person.id
    FROM articles_article AS article
    JOIN articles_articleversion AS version ON version.id = article.published_version_id
    JOIN articles_articleversionperson AS link ON link.version_id = version.id
    JOIN people_person AS person ON person.id = link.person_id
    WHERE version.document -> 'authors' @> jsonb_build_array(
        jsonb_build_object('slug', person.slug))
"""


@content_cached
def scopes() -> Scopes:
    """Return what every article belongs to (2 queries; none once remembered)."""
    tree = topic_tree()
    of: dict[int, set[Scope]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, search_topics FROM articles_article")
        for article, topics in cursor.fetchall():
            of[article] = {
                ("topic", one.pk)
                for key in topics
                if key in tree.topics
                for one in (tree.topics[key], *tree.path(tree.topics[key]))
            }
        cursor.execute(_AUTHORS)
        for article, person in cursor.fetchall():
            of[article].add(("author", person))
    members: dict[Scope, set[int]] = defaultdict(set)
    for article, belongs in of.items():
        for scope in belongs:
            members[scope].add(article)
    return Scopes(
        of={article: frozenset(belongs) for article, belongs in of.items()},
        members={scope: frozenset(articles) for scope, articles in members.items()},
    )
