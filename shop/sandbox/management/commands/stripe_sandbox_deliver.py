from django.core.management.base import BaseCommand

from shop.sandbox import conf
from shop.sandbox.stripe import clock, deliveries, store


class Command(BaseCommand):
    """One round of what the background thread does, for cron and for tests."""

    help = "Let time pass, and send the webhooks that are due."

    def handle(self, **options):
        config = conf.from_settings()
        with store.transaction(config) as tx:
            clock.sweep(tx)
        self.stdout.write(f"{deliveries.deliver_due(config)} sent")
