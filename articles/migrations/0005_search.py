import django.contrib.postgres.fields
from django.db import migrations, models

from articles.citations import strip_citations
from portal.core.rich_text import plain_text


def fill_from_published_versions(apps, schema_editor):
    Article = apps.get_model("articles", "Article")
    published = Article.objects.filter(published_version__isnull=False).select_related("published_version")
    for article in published.iterator(chunk_size=100):
        document = article.published_version.document
        words = " ".join(
            f"{section['heading']} {plain_text(section['html'])}"
            for section in document["sections"]
        )
        # By update(): "changed" says when an editor last changed the draft.
        Article.objects.filter(pk=article.pk).update(
            search_type=document["type"],
            search_topics=sorted(article.topics.values_list("pk", flat=True)),
            search_objectives=strip_citations(" ".join(document["objectives"])),
            search_text=strip_citations(words)[:200_000],
        )


class Migration(migrations.Migration):
    dependencies = [("articles", "0004_content")]

    operations = [
        migrations.AddField(
            model_name="article",
            name="search_type",
            field=models.CharField(blank=True, default="", editable=False, max_length=20),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="article",
            name="search_topics",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), default=list, editable=False, size=None
            ),
        ),
        migrations.AddField(
            model_name="article",
            name="search_objectives",
            field=models.TextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="article",
            name="search_text",
            field=models.TextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.RunPython(fill_from_published_versions, migrations.RunPython.noop),
    ]
