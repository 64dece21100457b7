from django.core.management.base import BaseCommand

from referrals import canaries


class Command(BaseCommand):
    help = "Keep codes that nobody was ever shown, to notice who guesses at codes."

    def handle(self, **options):
        self.stdout.write(f"Planted {canaries.plant()}.")
