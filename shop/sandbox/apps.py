from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """The stand-ins of development. It has no models: its file is its own."""

    name = "shop.sandbox"
    label = "sandbox"
