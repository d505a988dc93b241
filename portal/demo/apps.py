from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Demonstration content. Owns no model: it is an app for its ``load_demo`` command alone."""

    name = "portal.demo"
    label = "demo"
