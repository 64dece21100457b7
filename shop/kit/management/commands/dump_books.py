import json

from django.core.management.base import BaseCommand

from shop.kit import books


class Command(BaseCommand):
    help = "Print the books of one moment: orders, stock, ledger and the rest."

    def add_arguments(self, parser):
        parser.add_argument(
            "--json", action="store_true", help="The one format there is; the default."
        )

    def handle(self, **options):
        json.dump(books.dump(), self.stdout, indent=1)
        self.stdout.write("")
