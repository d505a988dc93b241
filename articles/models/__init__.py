"""Drafts are rows that editors change; what is published is a version that nobody changes."""

from .article import Article, ArticleQuerySet
from .parts import ArticleAuthor, LearningObjective, Reference, Section
from .topics import Topic, TopicTree, topic_counts, topic_tree, topics_in_use
from .versions import (
    ArticleVersion,
    ArticleVersionFunder,
    ArticleVersionPerson,
    ArticleVersionQuerySet,
)

__all__ = [
    "Article",
    "ArticleAuthor",
    "ArticleQuerySet",
    "ArticleVersion",
    "ArticleVersionFunder",
    "ArticleVersionPerson",
    "ArticleVersionQuerySet",
    "LearningObjective",
    "Reference",
    "Section",
    "Topic",
    "TopicTree",
    "topic_counts",
    "topic_tree",
    "topics_in_use",
]
