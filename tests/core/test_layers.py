"""No model relates to a higher room: import-linter cannot see ``"articles.Topic"``."""

import tomllib
from pathlib import Path

from django.apps import apps
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


def _levels() -> dict[str, int]:
    """Return the level of each room, 0 lowest, from the contract that import-linter checks."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    return {
        room.strip(): level
        for level, layer in enumerate(reversed(layers))
        for room in layer.split("|")
    }


def test_relations_look_downwards_only():
    levels = _levels()
    upwards = []
    for model in apps.get_models(include_auto_created=True):
        room = apps.get_app_config(model._meta.app_label).name
        if room not in levels:
            continue
        for field in model._meta.get_fields():
            if not field.is_relation or field.auto_created or field.related_model is None:
                continue
            if field.related_model._meta.label == settings.AUTH_USER_MODEL:
                continue  # names a setting, as Django's own apps do, not a room
            other = apps.get_app_config(field.related_model._meta.app_label).name
            if other in levels and other != room and levels[other] >= levels[room]:
                upwards.append(f"{model._meta.label}.{field.name} -> {other}")
    assert upwards == []


def test_every_app_of_ours_has_a_place_in_the_layers():
    rooms = {
        config.name
        for config in apps.get_app_configs()
        if Path(config.path).is_relative_to(ROOT) and ".venv" not in config.path
    }
    assert rooms <= set(_levels())
