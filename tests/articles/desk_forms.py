"""What the desk's form of an article posts, what it answers, and its addresses."""

from django.urls import reverse

INLINES = ("article_authors", "objectives", "sections", "references", "abbreviations")


def form_data(topic, **rows):
    """What the browser posts for an article with these rows (dictionaries) in its inlines."""
    data = {
        "title": "Late failure",
        "slug": "late-failure",
        "type": "short_report",
        "summary": "A summary.",
        "topics": [topic.pk],
        # As in the form of an article that nobody has saved before.
        "revision": 0,
        "ai_statement": "No AI tools were used.",
    }
    for prefix in INLINES:
        given = rows.get(prefix, [])
        data |= {
            f"{prefix}-TOTAL_FORMS": len(given),
            f"{prefix}-INITIAL_FORMS": sum("id" in row for row in given),
            f"{prefix}-MIN_NUM_FORMS": 0,
            f"{prefix}-MAX_NUM_FORMS": 1000,
        }
        for number, row in enumerate(given):
            data |= {f"{prefix}-{number}-{field}": value for field, value in row.items()}
    return data


def section(body, **fields):
    return {"position": 1, "kind": "text", "heading": "H", "body": body, **fields}


def reference(key="erbella", **fields):
    return {"key": key, "type": "article-journal", "title": "A title", **fields}


def errors(response):
    """All error messages on the form and its inlines."""
    assert response.status_code == 200
    return [
        str(message)
        for messages in response.context["errors"]
        for message in ([messages] if isinstance(messages, str) else messages)
    ]


ADD = "/admin/articles/article/add/"


def change_url(article):
    return reverse("admin:articles_article_change", args=[article.pk])


def publish_url(article):
    return reverse("admin:articles_article_publish", args=[article.pk])


def preview_url(article):
    return reverse("admin:articles_article_preview", args=[article.pk])


def panels(client):
    return {
        panel["title"]: [(item["label"], item.get("note")) for item in panel["items"]]
        for panel in client.get("/admin/").context["panels"]
    }
