from django.core.management.base import BaseCommand, CommandError

from orders import webhooks
from orders.models import StripeEvent


class Command(BaseCommand):
    help = "The inbox of Stripe's events: how many wait, or act on them now."

    def add_arguments(self, parser):
        parser.add_argument(
            "--retry", action="store_true", help="Act on what is not processed."
        )
        parser.add_argument("--event", metavar="ID", default="", help="On this alone.")

    def handle(self, *, retry, event, **options):
        if event and not StripeEvent.objects.filter(event_id=event).exists():
            raise CommandError(f"There is no event {event}.")
        if not retry:
            self._list(event)
            return
        tried = webhooks.try_unprocessed(event)
        self.stdout.write(f"Processed {tried.done}, {tried.failed} failed.")
        if tried.failed:
            raise CommandError("The error of each is on its row.")

    def _list(self, event):
        waiting = StripeEvent.objects.unprocessed().order_by("pk")
        if event:
            waiting = waiting.filter(event_id=event)
        for row in waiting.defer("payload").iterator(500):
            self.stdout.write(f"{row} after {row.attempts} tries: {row.error}")
        self.stdout.write(f"{waiting.count()} not processed.")
