"""A plug-in that is not there is named when the shop starts, not on the first click."""

from django.conf import settings
from django.core.checks import Error
from django.utils.module_loading import import_string

from referrals import plugins


def plugins_exist(app_configs, **kwargs):
    named = [(name, getattr(settings, name)) for name in plugins.SINGLE]
    said = [(name, getattr(settings, name)) for name in plugins.OPTIONAL]
    named += [(name, path) for name, path in said if path]
    for name in plugins.LISTS:
        named += [(name, path) for path in getattr(settings, name)]
    wrongs = [(name, path, _wrong(path)) for name, path in named]
    return [
        Error(f"{name}: {path}: {wrong}", id="referrals.E001")
        for name, path, wrong in wrongs
        if wrong
    ]


def _wrong(path):
    try:
        found = import_string(path)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if callable(found) else "It cannot be called."
