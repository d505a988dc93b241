from django import template
from django.utils.formats import number_format

from portal.core.models import SiteSettings, site_settings

register = template.Library()


@register.simple_tag(name="site_settings")
def site_settings_tag() -> SiteSettings:
    """Return the site's settings, where a view has put another ``site`` into the context."""
    return site_settings()


@register.filter
def grouped(value: int) -> str:
    """Return ``value`` as people read it: 150,000."""
    return number_format(value, use_l10n=True, force_grouping=True)
