from django.core.management.base import BaseCommand

from shop.kit import jobs


class Command(BaseCommand):
    help = "Run background work: mails, expiry of orders, rewards. Kill it any time."

    def add_arguments(self, parser):
        parser.add_argument(
            "--once", action="store_true", help="Run what is due now, then stop."
        )

    def get_check_kwargs(self, options):
        # What is asked of the database, too: in which currency its money is.
        return super().get_check_kwargs(options) | {"databases": ["default"]}

    def handle(self, *, once, **options):
        if once:
            jobs.reap()
            jobs.tick()
            jobs.run_due()
        else:
            jobs.work()
