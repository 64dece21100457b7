"""What people and Stripe do, each as a process that may be killed and run again."""

import json
import time
from datetime import timedelta

from django.conf import settings
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts import ledger
from accounts.models import User
from catalog.models import Variant
from catalog.tests.factories import make_product, make_variant
from orders import checkout, expiry, payments, refunds
from orders.models import Order, Refund
from orders.tests.factories import ADDRESS, make_cart, make_zone, post_event
from referrals.tests.factories import make_attribution, make_member, set_terms
from shop.kit import jobs
from shop.kit.models import Schedule
from shop.sandbox.stripe import signing


def open_shop():
    """One lamp, delivery, and rewards that are paid at once."""
    make_zone()
    make_variant(sku="LAMP", amount=5000, stock=1000)
    set_terms(hold_days=0)


def open_for_a_crowd(*friends):
    """Enough of two things, staff, and friends who were invited: `email=balance`."""
    make_zone()
    wares = {"LAMP": make_product("Lamp", variants=[{"sku": "LAMP", "stock": 1000}])}
    vase = [{"sku": "VASE", "amount": 1900, "stock": 1000}]
    wares["VASE"] = make_product("Vase", variants=vase)
    set_terms(hold_days=0)
    make_member("staff@example.com", is_staff=True, is_superuser=True)
    for friend in friends:
        join(*friend.split("="))
    print(json.dumps({sku: made.get_absolute_url() for sku, made in wares.items()}))


def join(email, balance="700"):
    """A friend whom somebody brought, with a little balance."""
    # Factories number their rows anew in each process: these have names of their own.
    friend = make_member(email, days_ago=1)
    make_attribution(make_member(f"inviter-of-{email}"), friend)
    ledger.post(
        key=f"test:{email}",
        debit=(None, ledger.Kind.GOODWILL),
        credit=(friend, ledger.Kind.WALLET),
        amount=int(balance),
        currency=settings.SHOP_CURRENCY,
        kind="goodwill",
        reason="A present",
    )


def buy(email):
    """Press the button; pressing again after a crash leads to the same page."""
    friend = User.objects.get(email=email)
    cart = make_cart(friend, {Variant.objects.get(sku="LAMP"): 1})
    # Many friends behind one door would be looked at before a reward is paid.
    home = ADDRESS | {"street": f"The house of {email}"}
    details = checkout.Details(email, home)
    payments.start(checkout.place_order(cart, friend, details))


def tell(email):
    """The order, the pages at Stripe that ask for it, what Stripe gave back of it."""
    order = Order.objects.get(email=email)
    sessions = payments.client().v1.checkout.sessions.list({"limit": 100})
    asked = [
        session.id
        for session in sessions.auto_paging_iter()
        if session.client_reference_id == order.code
    ]
    refunds_made = payments.client().v1.refunds.list({"limit": 100})
    given = [
        refund.amount
        for refund in refunds_made.auto_paging_iter()
        if refund.to_dict()["metadata"].get("order") == order.code
    ]
    print(json.dumps({"order": order.code, "sessions": asked, "refunds": given}))


def hear(email):
    """Stripe delivers what it has to say about one order, oldest first."""
    code = Order.objects.get(email=email).code
    client = Client(headers={"host": settings.SITE_HOST})
    said = payments.client().v1.events.list({"limit": 100}).auto_paging_iter()
    for event in reversed([event.to_dict() for event in said]):
        if event["data"]["object"]["metadata"].get("order") == code:
            body = json.dumps(event).encode()
            secret = settings.STRIPE_WEBHOOK_SECRETS[0]
            signature = signing.header(secret, body, int(time.time()))
            assert post_event(client, body, signature).status_code == 200


def refund(email):
    """Staff give everything back."""
    order = Order.objects.get(email=email)
    refunds.execute(refunds.plan(order, refunds.Wish(everything=True)), actor=None)


def expire(email):
    """Nobody paid in time."""
    late = Order.objects.filter(email=email, status="pending")
    late.update(expires_at=timezone.now())
    expiry.expire_overdue()


def count_unfinished():
    """Jobs that are not done, and those given up that nobody enqueues again."""
    waiting = DBTaskResult.objects.filter(status__in=["READY", "RUNNING"])
    regular = [made.module_path for _, made in jobs._schedules.values()]
    lost = DBTaskResult.objects.filter(status="FAILED").exclude(task_path__in=regular)
    found = [*waiting, *lost]
    print(json.dumps([f"{job.task_path} {job.status}" for job in found]))


def wait():
    """An hour passes for the worker: what died is noticed, what waits is due."""
    hour_ago = timezone.now() - timedelta(hours=1)
    Schedule.objects.filter(name="finish-refunds").update(next_run_at=hour_ago)
    Refund.objects.filter(state="requested").update(created_at=hour_ago)
    DBTaskResult.objects.filter(status="RUNNING").update(started_at=hour_ago)
    DBTaskResult.objects.filter(
        status="READY", run_after__gt=timezone.now(), run_after__year__lt=9000
    ).update(run_after=hour_ago)
