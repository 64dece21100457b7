from datetime import date

from django.core.management.base import BaseCommand, CommandError

from referrals import rollup


class Command(BaseCommand):
    help = "Count the funnel of days anew; today's unless told. Safe to repeat."

    def add_arguments(self, parser):
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--day", metavar="ISO", help="One day.")
        which.add_argument("--since", metavar="ISO", help="That day and all after it.")

    def handle(self, *, day, since, **options):
        if since:
            count = rollup.roll_up_since(_day(since))
            self.stdout.write(f"Rolled up {count} days.")
            return
        chosen = _day(day) if day else rollup.today()
        lines = rollup.roll_up(chosen)
        self.stdout.write(f"Rolled up {chosen}: {lines} lines.")


def _day(text):
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError("Write the day like 2026-03-01.") from None
