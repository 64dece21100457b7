from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from orders.models import Order
from referrals import settlement


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
            "--dry-run", action="store_true", help="Print, write nothing."
        )

    def handle(self, *, order, since, limit, dry_run, **options):
        orders = self._orders(order, since)
        if limit is not None:
            orders = orders[:limit]
        if dry_run:
            for each in orders:
                self._print(each)
        else:
            found = orders.count()
            done = settlement.settle_all(orders)
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
            return invited.filter(placed_at__gte=_moment(since)).order_by("pk")
        return settlement.outdated()

    def _print(self, order):
        found = settlement.preview(order)
        if found is None:
            self.stdout.write(f"{order.code}: nobody brought this customer")
            return
        wanted, now = found
        why = f" ({wanted.reason})" if wanted.reason else ""
        self.stdout.write(
            f"{order.code}: reward is {now}, should be {wanted.state.value}{why}"
        )


def _moment(text):
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            "Write the moment like 2026-03-01 or 2026-03-01T12:00."
        ) from None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
