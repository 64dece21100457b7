from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.models import Order
from referrals import foresight, sweeps


class Command(BaseCommand):
    help = (
        "Make rewards what the facts about orders say. Safe to repeat and to interrupt."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--order", metavar="CODE", help="One order, settled or not."
        )
        parser.add_argument(
            "--since",
            metavar="ISO",
            help="Every order placed since then, settled or not.",
        )
        parser.add_argument("--limit", type=int, help="At most so many.")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Print what would change, write nothing. Caps and budgets are judged "
            "as they are now, order by order.",
        )

    def handle(self, *, order, since, limit, dry_run, **options):
        orders = self._orders(order, since)
        if limit is not None:
            orders = orders[:limit]
        if dry_run:
            changes = sum(self._print(each) for each in orders)
            self.stdout.write(f"{changes} of {len(orders)} would change.")
        else:
            found = orders.count()
            done = sweeps.settle_all(orders)
            self.stdout.write(f"Settled {done} of {found}.")
            if done < found:
                raise CommandError(
                    "Some orders could not be settled; the log says why."
                )

    def _orders(self, code, since):
        if code:
            orders = Order.objects.filter(code=code.upper().replace(" ", ""))
            if not orders.exists():
                raise CommandError(f"There is no order {code}.")
            return orders
        if since:
            invited = Order.objects.filter(user__attribution__isnull=False)
            rows = invited.filter(placed_at__gte=_moment(since))
            return rows.order_by("confirmed_at", "pk")
        return sweeps.outdated()

    def _print(self, order):
        """Say what settling would change about an order; whether anything."""
        found = foresight.preview(order)
        if found is None:
            self.stdout.write(f"{order.code}: nobody brought this customer")
            return False
        change = found.change
        if change:
            self.stdout.write(f"{order.code}: {change}")
        return bool(change)


def _moment(text):
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            "Write the moment like 2026-03-01 or 2026-03-01T12:00."
        ) from None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
