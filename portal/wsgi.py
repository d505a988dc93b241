"""WSGI entry point: ``granian --interface wsgi portal.wsgi:application``."""

import os

from django.core.wsgi import get_wsgi_application

from portal.core.wsgi import collect_less_often, utf8_only

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = utf8_only(get_wsgi_application())
collect_less_often()
