"""Drafts are rows that editors change; what is published is a version that nobody changes."""

from .article import Article, ArticleQuerySet
from .parts import ArticleAuthor, LearningObjective, Reference, Section
from .topics import Topic, topics_in_use
from .versions import (
    ArticleVersion,
    ArticleVersionFunder,
    ArticleVersionPerson,
    ArticleVersionQuerySet,
)
from .workflow import ArticleEditor, ArticleTransition, PreviewLink, Verb

__all__ = [
    "Article",
    "ArticleAuthor",
    "ArticleEditor",
    "ArticleQuerySet",
    "ArticleTransition",
    "ArticleVersion",
    "ArticleVersionFunder",
    "ArticleVersionPerson",
    "ArticleVersionQuerySet",
    "LearningObjective",
    "PreviewLink",
    "Reference",
    "Section",
    "Topic",
    "Verb",
    "topics_in_use",
]
