"""What ``articles`` tells whoever wants to know; it knows no listener."""

from django.dispatch import Signal

# Sent inside the publishing transaction, with ``article`` (Article), ``version`` (ArticleVersion)
# and ``is_first`` (bool: no version of this article was published before).
article_published = Signal()

# Sent inside the withdrawing transaction, with ``article``.
article_withdrawn = Signal()
