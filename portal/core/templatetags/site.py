from django import template

from portal.core.models import SiteSettings, site_settings

register = template.Library()


@register.simple_tag(name="site_settings")
def site_settings_tag() -> SiteSettings:
    """Return the site's settings, where a view has put another ``site`` into the context."""
    return site_settings()
