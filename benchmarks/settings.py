"""The portal's settings, and addresses of pages that exist only to be compared with."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.urls"
