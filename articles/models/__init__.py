"""Drafts are rows that editors change; what is published is a version that nobody changes."""

from .addresses import ArticleAddress, current_address
from .article import Article, ArticleQuerySet
from .independence import Overruling, RelevanceAssessment
from .parts import Abbreviation, ArticleAuthor, LearningObjective, Reference, Section
from .topics import Topic, TopicTree, topic_counts, topic_tree, topics_in_use
from .versions import (
    ArticleVersion,
    ArticleVersionFunder,
    ArticleVersionPerson,
    ArticleVersionQuerySet,
)
from .workflow import ArticleEditor, ArticleTransition, PreviewLink, Verb

__all__ = [
    "Abbreviation",
    "Article",
    "ArticleAddress",
    "ArticleAuthor",
    "ArticleEditor",
    "ArticleQuerySet",
    "ArticleTransition",
    "ArticleVersion",
    "ArticleVersionFunder",
    "ArticleVersionPerson",
    "ArticleVersionQuerySet",
    "LearningObjective",
    "Overruling",
    "PreviewLink",
    "Reference",
    "RelevanceAssessment",
    "Section",
    "Topic",
    "TopicTree",
    "Verb",
    "current_address",
    "topic_counts",
    "topic_tree",
    "topics_in_use",
]
