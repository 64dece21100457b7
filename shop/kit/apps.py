from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class KitConfig(AppConfig):
    name = "shop.kit"
    label = "kit"
    verbose_name = "Mail and background work"

    def ready(self):
        # `books` is imported for its schedule.
        from shop.kit import books, guards, jobs  # noqa: F401

        pre_migrate.connect(guards.remove_for_app)
        post_migrate.connect(guards.install_for_app)
        jobs.connect()
