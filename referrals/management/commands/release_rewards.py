from django.core.management.base import BaseCommand

from referrals import sweeps


class Command(BaseCommand):
    help = "Pay the rewards whose hold has ended. Safe to repeat."

    def handle(self, **options):
        self.stdout.write(f"Released {sweeps.release_due()}.")
