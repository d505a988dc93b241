"""The editors' desk in the Django admin."""

from .article import ArticleAdmin
from .topic import TopicAdmin
from .version import ArticleVersionAdmin

__all__ = ["ArticleAdmin", "ArticleVersionAdmin", "TopicAdmin"]
