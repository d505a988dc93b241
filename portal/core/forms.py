"""Form rendering shared by all pages: one field template, errors tied to their fields."""

from django.forms.renderers import TemplatesSetting


class PortalFormRenderer(TemplatesSetting):
    """Render forms with the templates under ``templates/django/forms`` and our field template."""

    field_template_name = "forms/_field.html"
