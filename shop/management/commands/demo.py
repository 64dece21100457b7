from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from shop.demo import catalogue, delivery, story


class Command(BaseCommand):
    help = "Load the demo shop: goods, delivery and people. Safe to repeat."

    def handle(self, **options):
        if settings.PRODUCTION:
            raise CommandError(
                "The demo's passwords are public; SHOP_ENV is production."
            )
        with catalogue.pictures(say=self.stdout.write):
            catalogue.load(say=self.stdout.write)
            delivery.load()
            story.load(say=self.stdout.write)
