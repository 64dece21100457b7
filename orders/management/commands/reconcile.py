from django.core.management.base import BaseCommand, CommandError

from orders import reconciler


class Command(BaseCommand):
    help = (
        "Ask Stripe about every open attempt and about events that never came. "
        "Safe to repeat: a second run changes nothing."
    )

    def handle(self, **options):
        found = reconciler.reconcile()
        self.stdout.write(str(found))
        if found.failed:
            raise CommandError("Not all could be reconciled; the log says why.")
