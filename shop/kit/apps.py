from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class KitConfig(AppConfig):
    name = "shop.kit"
    label = "kit"
    verbose_name = "Mail and background work"

    def ready(self):
        from shop.kit import guards, jobs

        pre_migrate.connect(guards.remove_for_app)
        post_migrate.connect(guards.install_for_app)
        jobs.connect()
