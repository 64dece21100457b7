"""The staff's site: who may enter, what may be touched, and what a list costs."""

import re
from datetime import timedelta
from itertools import count

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import ledger
from accounts.models import (
    Address,
    Adjustment,
    CreditLot,
    LedgerAccount,
    LotUse,
    Transfer,
    User,
)
from catalog.models import Option, OptionValue, Product, ProductImage, Variant
from catalog.tests.factories import make_product
from orders import confirmation, emails
from orders.models import (
    Dispute,
    Order,
    OrderDiscount,
    OrderEvent,
    OrderLine,
    Payment,
    Refund,
    ShippingZone,
    StripeEvent,
)
from orders.tests.factories import (
    ADDRESS,
    deliver,
    give,
    make_order,
    make_zone,
    open_session,
    pay,
)
from referrals.models import Attribution, Claim, LinkDay, Reward, Settlement, Visit
from referrals.tests.factories import make_attribution, make_link, make_rows, make_visit
from referrals.tests.factories import make_order as make_paid_order
from shop.kit import guards, mail
from shop.kit.models import BookProof, Message, Schedule
from shop.kit.staff import BoundedPaginator, ReadOnlyAdmin, change_url, list_url

pytestmark = pytest.mark.django_db

ADDED_BY_HAND = {
    "accounts.User",
    "auth.Group",
    "catalog.Category",
    "catalog.Product",
    "catalog.Variant",
    "orders.ShippingMethod",
    "orders.ShippingZone",
    "referrals.Budget",
    "referrals.Campaign",
    "referrals.ReferralLink",
    "referrals.Terms",
}
READ_ONLY = [
    model
    for model, page in admin.site._registry.items()
    if isinstance(page, ReadOnlyAdmin) and model._meta.label not in ADDED_BY_HAND
]
_numbers = count(1)


def add_url(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")


@pytest.fixture
def boss(client):
    """A superuser, signed in."""
    user = User.objects.create_superuser("boss@example.com", "x", name="Bo Ss")
    client.force_login(user)
    return user


def clerk(client, *permissions):
    """Somebody of the staff who may do just this."""
    user = User.objects.create_user("clerk@example.com", "x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def fill_the_shop(rows, boss):
    """So many more rows of everything that staff can list."""
    for _ in range(rows):
        number = next(_numbers)
        product = make_product(options={"Colour": ["Oat"]}, images=1)
        variant = product.variants.get()
        attribution = make_attribution()
        friend = attribution.invitee
        make_link(friend)
        visit = make_visit(link=attribution.link)
        Claim.objects.create(
            invitee=friend,
            link=attribution.link,
            won=True,
            reason="first_touch",
            touched_at=timezone.now(),
        )
        LinkDay.objects.create(link=attribution.link, day=visit.bucket.date())
        order = make_order(friend, {variant: 1})
        paid = make_paid_order(friend, welcome=500)
        OrderEvent.objects.create(order=paid, kind="note", text="Looked", actor=boss)
        refund = Refund.objects.create(
            order=paid,
            payment=paid.payments.get(),
            idempotency_key=f"refund-{number}",
            amount_card=100,
            currency=paid.currency,
            origin=Refund.Origin.STRIPE,
            actor=boss,
        )
        refund.lines.create(line=order.lines.get(), quantity=1, amount=100)
        Dispute.objects.create(
            payment=paid.payments.get(),
            stripe_id=f"du_{number}",
            amount=100,
            currency=paid.currency,
            status="needs_response",
        )
        reward = Reward.objects.create(
            attribution=attribution,
            order=paid,
            recipient=attribution.inviter,
            amount=500,
            currency=settings.SHOP_CURRENCY,
            available_at=timezone.now(),
        )
        Settlement.objects.create(
            order=paid, attribution=attribution, reward=reward, last_event=1
        )
        give(attribution.inviter, 500)
        gift = Transfer.objects.get(credit__owner=attribution.inviter)
        lot = CreditLot.objects.create(
            transfer=gift,
            owner=attribution.inviter,
            currency=settings.SHOP_CURRENCY,
            amount=500,
            remaining=500,
            expires_at=timezone.now() + timedelta(days=365),
        )
        LotUse.objects.create(lot=lot, transfer=gift, amount=100, amount_restored=100)
        Adjustment.objects.create(
            owner=friend,
            asked_by=boss,
            amount=500,
            is_credit=True,
            currency=settings.SHOP_CURRENCY,
            reason="A parcel came late",
            words="Sorry",
            token=f"token-{number}",
            needs_two=True,
        )
        make_rows(attribution, paid, boss, number)
        Address.objects.create(user=friend, **ADDRESS)
        Group.objects.create(name=f"Group {number}")
        SocialAccount.objects.create(user=friend, provider="dummy", uid=str(number))
        RecoveryCodes.activate(friend)
        Schedule.objects.create(name=f"job-{number}", next_run_at=timezone.now())
        StripeEvent.objects.create(
            event_id=f"evt_{number}", type="charge.succeeded", payload={"id": number}
        )
        mail._store("hello", f"row:{number}", friend.email, "Hello", "Hello")
        LogEntry.objects.create(
            user=boss,
            content_type=ContentType.objects.get_for_model(Order),
            object_id=order.pk,
            object_repr=str(order),
            action_flag=CHANGE,
        )
        BookProof.objects.create(
            started_at=timezone.now(),
            finished_at=timezone.now(),
            asked_outside=True,
            counts={"stock": 1},
            mismatches=[{"rule": "stock", "id": variant.pk, "expected": 1, "found": 2}],
            mismatch_count=1,
        )
        make_zone()


def queries_of(client, url):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200, url
    return len(asked)


def test_every_model_that_staff_can_use_is_registered():
    from django.apps import apps

    ours = {"accounts", "catalog", "orders", "referrals", "kit"}

    missing = {
        model._meta.label
        for model in apps.get_models()
        if model._meta.app_label in ours and model not in admin.site._registry
    }

    assert missing == set()


def test_no_list_asks_more_for_thirty_rows_than_for_three(client, boss):
    lists = [list_url(model) for model in admin.site._registry]
    fill_the_shop(3, boss)
    for url in lists:
        client.get(url)  # what is asked once per process is asked now
    few = {url: queries_of(client, url) for url in lists}

    fill_the_shop(27, boss)

    many = {url: queries_of(client, url) for url in lists}
    grown = {url: (few[url], many[url]) for url in lists if few[url] != many[url]}
    assert grown == {}
    assert max(few.values()) <= 10


def test_every_page_opens_and_is_fit_for_the_strict_policy(client, boss):
    fill_the_shop(1, boss)
    pages = [reverse("admin:index"), reverse("admin:find") + "?q=nothing"]
    for model in admin.site._registry:
        assert model.objects.exists(), f"no row of {model._meta.label} to look at"
        pages += [list_url(model), change_url(model, model.objects.first().pk)]
        if model._meta.label in ADDED_BY_HAND:
            pages.append(add_url(model))

    for url in pages:
        response = client.get(url)
        html = response.content.decode()

        assert response.status_code == 200, url
        policy = response["Content-Security-Policy"]
        assert "unsafe-inline" not in policy, url
        assert "frame-ancestors 'none'" in policy, url
        assert response["X-Content-Type-Options"] == "nosniff", url
        assert not re.search(r"<[^>]+\sstyle=", html), url
        assert not re.search(r"<[^>]+\son\w+=", html), url
        assert not re.search(r"<style|<script(?![^>]*\b(src|type)=)", html), url


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.label)
def test_history_refuses_to_be_added_to(client, boss, model):
    assert client.get(add_url(model)).status_code == 403
    assert client.post(add_url(model), {}).status_code == 403


def test_history_refuses_to_be_changed_or_deleted_even_by_a_superuser(client, boss):
    fill_the_shop(1, boss)

    for model in READ_ONLY:
        row = model.objects.first()
        before = model.objects.filter(pk=row.pk).values().get()
        url = change_url(model, row.pk)
        changed = client.post(url, {"amount": "1", "status": "void", "text": "x"})
        deleted = client.post(url.replace("/change/", "/delete/"), {"post": "yes"})

        assert (changed.status_code, deleted.status_code) == (403, 403), model
        assert model.objects.filter(pk=row.pk).values().get() == before


def test_the_books_and_what_was_sold_are_history():
    kept = {LedgerAccount, Transfer, Order, OrderLine, OrderDiscount, OrderEvent}
    kept |= {Payment, StripeEvent, Visit, Claim, Attribution, Reward, Message}
    kept |= {BookProof}

    assert kept <= set(READ_ONLY)


def test_a_stranger_is_sent_to_the_shops_own_sign_in(client):
    response = client.get(reverse("admin:orders_order_changelist"), follow=True)

    assert response.request["PATH_INFO"] == reverse("account_login")
    assert "next=" in response.request["QUERY_STRING"]


def test_djangos_own_sign_in_form_is_out_of_reach(client):
    User.objects.create_superuser("boss@example.com", "right password")

    response = client.post(
        reverse("admin:login"),
        {"username": "boss@example.com", "password": "right password"},
    )

    assert response["Location"].startswith(reverse("account_login"))
    assert "_auth_user_id" not in client.session


def test_a_member_is_refused(client):
    client.force_login(User.objects.create_user("member@example.com", "x"))

    response = client.get(reverse("admin:index"), follow=True)

    assert response.status_code == 403


def test_changing_the_password_leads_to_the_shops_own_page(client, boss):
    response = client.get(reverse("admin:password_change"))

    assert response["Location"] == reverse("account_change_password")


# The start page


def test_the_start_page_costs_the_same_however_busy_the_shop_is(client, boss):
    client.get(reverse("admin:index"))
    quiet = queries_of(client, reverse("admin:index"))

    fill_the_shop(3, boss)

    assert queries_of(client, reverse("admin:index")) == quiet <= 18


def test_each_figure_links_to_the_list_it_counts(client, boss):
    fill_the_shop(2, boss)
    pending, held = Order.objects.pending()[:2]
    confirmation.hold(held, "Paid twice.")
    with guards.lifted():
        Order.objects.filter(status="confirmed").update(
            confirmed_at=timezone.now() - timedelta(days=2)
        )
    Message.objects.filter(pk=Message.objects.first().pk).update(state="failed")
    Refund.objects.filter(pk=Refund.objects.first().pk).update(state="failed")
    Variant.objects.update(stock=settings.LOW_STOCK_FROM + 1)
    Variant.objects.filter(pk=Variant.objects.first().pk).update(stock=0)
    make_paid_order(None, goods=4200)

    figures = client.get(reverse("admin:index")).context["figures"]

    shown = {figure.label: figure.value for figure in figures}
    assert shown == {
        "Orders today": "1",
        "Revenue today": "$42.00",
        "Waiting for payment": "2",
        "Held for a look": "1",
        "Failed refunds": "1",
        "Open disputes": "2",
        "Failed mails": "1",
        "Stripe events not processed": "2",
        "Low or out of stock": "1",
        "Adjustments to confirm": "2",
        "Friends to look at": "2",
        "Names to look at": "2",
        "Owed to members": "$10.00",
        "Rows that do not add up": "1",
    }
    counted = {
        figure.label: client.get(figure.url).context["cl"].result_count
        for figure in figures
        if "queue" not in figure.url
    }
    assert counted.keys() | {"Friends to look at", "Names to look at"} == shown.keys()
    for label, listed in counted.items():
        if not shown[label].startswith("$") and label != "Rows that do not add up":
            assert str(listed) == shown[label], label
    assert counted["Owed to members"] == 2


def test_staff_see_only_the_figures_of_what_they_may_see(client):
    clerk(client, "view_message")

    figures = client.get(reverse("admin:index")).context["figures"]

    assert [figure.label for figure in figures] == ["Failed mails"]


# Search


@pytest.mark.parametrize(
    "term",
    [
        lambda order: order.spoken_code.lower(),
        lambda order: order.lines.get().sku,
        lambda order: order.payments.get().session_id,
        lambda order: order.payments.get().intent_id,
        lambda order: order.email[:12],
        lambda order: "Lovelace",
    ],
    ids=["code", "sku", "session", "intent", "email", "name"],
)
def test_an_order_is_found_by_whatever_names_it(client, boss, term):
    order = make_order(email="lovelace@example.com")
    order.payments.update(session_id="cs_test_1", intent_id="pi_1")
    make_paid_order(None)

    response = client.get(list_url(Order), {"q": term(order)})

    assert response["Location"] == change_url(Order, order.pk)


def test_two_hits_stay_a_list(client, boss):
    user = User.objects.create_user("twice@example.com", "x")
    make_paid_order(user)
    make_paid_order(user)

    response = client.get(list_url(Order), {"q": "twice@example.com"})

    assert response.context["cl"].result_count == 2


def test_the_search_over_everything_opens_the_only_hit(client, boss):
    variant = make_product().variants.get()
    member = User.objects.create_user("member@example.com", "x")
    link = make_link(text="ABC234")
    event = StripeEvent.objects.create(event_id="evt_9", type="x", payload={})

    def opened(term):
        return client.get(reverse("admin:find"), {"q": term})["Location"]

    assert opened(variant.sku.lower()) == change_url(Variant, variant.pk)
    assert opened("MEMBER@example.com") == change_url(User, member.pk)
    assert opened("abc 234") == change_url(type(link), link.pk)
    assert opened("evt_9") == change_url(StripeEvent, event.pk)


def test_the_search_shows_nobody_what_their_lists_hide(client):
    clerk(client, "view_message")
    User.objects.create_user("member@example.com", "x")

    response = client.get(reverse("admin:find"), {"q": "member@example.com"})

    assert response.context["hits"] == []


# Orders


def cancel(client, *orders, **more):
    data = {"action": "cancel", "_selected_action": [o.pk for o in orders]}
    return client.post(list_url(Order), {**data, **more}, follow=True)


def decided(*orders, **more):
    """What the page sends back about unpaid orders."""
    figures = {f"figures_{order.pk}": "unpaid" for order in orders}
    return {"confirmed": "yes", "reason": "Out of oak", **figures, **more}


def test_cancelling_first_shows_how_many_and_how_much(client, boss):
    one, two = make_order(), make_order()

    page = cancel(client, one, two, make_paid_order(None, goods=4200))

    facts = {"Unpaid": "2", "Paid": "1", "To cards": "$42.00"}
    for label, value in facts.items():
        assert f"<dt>{label}</dt><dd>{value}</dd>" in page.content.decode()
    assert Order.objects.pending().count() == 2


def test_cancelling_closes_the_card_page_and_gives_stock_back(
    client, boss, stripe_sandbox
):
    order = make_order()
    session = open_session(order)
    variant = order.lines.get().variant
    before = variant.stock

    cancel(client, order, **decided(order))

    order.refresh_from_db()
    variant.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    assert order.events.last().actor == boss
    assert variant.stock == before + 1
    assert stripe_sandbox_says(session) == "expired"
    assert LogEntry.objects.get(object_id=order.pk).user == boss


def stripe_sandbox_says(session_id):
    from orders import payments

    return payments.client().v1.checkout.sessions.retrieve(session_id).status


def test_an_order_paid_meanwhile_is_not_cancelled(client, boss, stripe_sandbox):
    order = make_order()
    open_session(order)
    stripe_sandbox.pay(order.payments.get().session_id)

    cancel(client, order, **decided(order))

    order.refresh_from_db()
    assert order.status == Order.Status.CONFIRMED


def test_who_may_only_look_cannot_cancel(client):
    order = make_order()
    clerk(client, "view_order")

    cancel(client, order, **decided(order))

    order.refresh_from_db()
    assert order.status == Order.Status.PENDING


def test_a_note_stands_in_the_timeline_under_its_writers_name(client, boss):
    order = make_order()
    url = reverse("admin:orders_order_note", args=[order.pk])

    client.post(url, {"text": "Asked for a blue ribbon"})

    event = order.events.last()
    assert (event.text, event.actor, event.is_public) == (
        "Asked for a blue ribbon",
        boss,
        False,
    )


def test_who_may_only_look_writes_no_note(client):
    order = make_order()
    clerk(client, "view_order")

    url = reverse("admin:orders_order_note", args=[order.pk])

    assert client.post(url, {"text": "Hm"}).status_code == 403


def test_the_page_of_a_guests_order_does_not_give_its_key_away(client, boss):
    order = make_order()

    html = client.get(change_url(Order, order.pk)).content.decode()

    assert order.access_token not in html


# Mail and events


def test_a_failed_mail_is_sent_again(client, boss, run_jobs, mailoutbox):
    mail._store("hello", "row:1", "ann@example.com", "Hello", "Hello")
    message = Message.objects.get()
    Message.objects.update(state="failed")
    from django_tasks_db.models import DBTaskResult

    DBTaskResult.objects.all().delete()

    chosen = {"action": "send_failed", "_selected_action": [message.pk]}
    asked = client.post(list_url(Message), chosen)
    assert "Send failed mails again" in asked.content.decode()
    assert not DBTaskResult.objects.exists()
    for _ in range(2):
        client.post(list_url(Message), chosen | {"confirmed": "yes"})
    run_jobs()

    assert [each.to for each in mailoutbox] == [["ann@example.com"]]
    message.refresh_from_db()
    assert (message.state, message.copy) == ("sent", 0)


def sent_mail(run_jobs, order):
    """The mail that this order is paid, gone to its buyer."""
    emails.order_confirmed(order)
    run_jobs()
    return Message.objects.get(reference=order.code)


def again_url(message):
    return reverse("admin:kit_message_again", args=[message.pk])


def html_url(message):
    return reverse("admin:kit_message_html", args=[message.pk])


def test_a_sent_mail_goes_out_once_more_after_a_page_that_asks(
    client, boss, run_jobs, mailoutbox
):
    order = make_order()
    message = sent_mail(run_jobs, order)
    page = client.get(change_url(Order, order.pk)).content.decode()
    assert again_url(message) in page
    asked = client.get(again_url(message))
    assert asked.context["copy"] == 1
    assert Message.objects.count() == 1

    for _ in range(2):  # a double click
        client.post(again_url(message), {"copy": "1"})
    run_jobs()

    first, copy = Message.objects.order_by("pk")
    assert [each.to for each in mailoutbox] == [["ada@example.com"]] * 2
    assert mailoutbox[0].body == mailoutbox[1].body
    assert copy.message_id != first.message_id
    assert (copy.copy, copy.asked_by, copy.state) == (1, boss, "sent")
    assert LogEntry.objects.get(object_id=copy.pk).user == boss
    entry = order.events.get(kind="mail_sent_again")
    assert (entry.actor, entry.origin, entry.is_public) == (boss, "staff", False)
    assert client.get(again_url(message)).context["copy"] == 2
    page = client.get(change_url(Order, order.pk)).content.decode()
    assert "No. 1, by boss@example.com" in page


def test_sending_again_is_for_those_who_may(client, run_jobs, mailoutbox):
    message = sent_mail(run_jobs, make_order())
    clerk(client, "view_message")

    assert client.get(change_url(Message, message.pk)).status_code == 200
    assert client.get(again_url(message)).status_code == 403
    assert client.post(again_url(message), {"copy": "1"}).status_code == 403
    assert len(mailoutbox) == 1


def test_a_mail_is_shown_in_a_frame_that_can_do_nothing(client, boss, run_jobs):
    message = sent_mail(run_jobs, make_order())

    page = client.get(html_url(message))

    policy = page["Content-Security-Policy"].split("; ")
    assert set(policy) == {
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "frame-ancestors 'self'",
        "sandbox",
    }
    assert page["X-Frame-Options"] == "SAMEORIGIN"
    assert "It is on our bench" in page.content.decode()
    assert html_url(message) in client.get(change_url(Message, message.pk)).text


def test_staff_do_not_read_the_key_of_a_guests_link(client, boss, run_jobs):
    order = make_order()
    message = sent_mail(run_jobs, order)
    assert order.access_token in message.text

    for url in [html_url(message), change_url(Message, message.pk)]:
        page = client.get(url).text
        assert order.access_token not in page
        assert f"/orders/{order.code}/?t=…" in page


def test_a_mail_with_a_code_is_neither_shown_nor_sent_again(client, boss):
    mail._store("account", "row:1", "ann@example.com", "A code", "314159", "<p>314159")
    Message.objects.update(state="failed")
    message = Message.objects.get()

    assert client.get(html_url(message)).status_code == 404
    assert client.get(again_url(message)).status_code == 404
    assert client.post(again_url(message), {"copy": "1"}).status_code == 404
    chosen = {"action": "send_failed", "_selected_action": [message.pk]}
    client.post(list_url(Message), chosen | {"confirmed": "yes"})
    page = client.get(change_url(Message, message.pk)).text
    assert again_url(message) not in page
    assert html_url(message) not in page
    message.refresh_from_db()
    assert message.state == "failed"


def test_nobody_reads_a_sign_in_code_in_the_mail_log(client, boss):
    subject, text = "314159 is your code", "Your code is 314159"
    mail._store("account", "row:1", "ann@example.com", subject, text)

    for url in [
        change_url(Message, Message.objects.get().pk),
        list_url(Message),
        list_url(Message, "q=3141"),
    ]:
        page = client.get(url).content.decode()
        assert "314159" not in page
        assert "ann@example.com" not in page or "q=" not in url


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (Message, "subject__startswith=3"),
        (Message, "text__contains=3141"),
        (Message, "html__contains=3141"),
        (Order, "access_token__startswith=a"),
        (StripeEvent, "payload__data__object__success_url__contains=t"),
    ],
)
def test_no_filter_in_an_address_finds_out_what_no_page_shows(
    client, boss, model, query
):
    assert client.get(list_url(model, query)).status_code == 400


def test_staff_do_not_read_the_key_of_a_guest_in_what_stripe_said(
    client, boss, stripe_sandbox
):
    order = make_order()
    for event in pay(stripe_sandbox, order):
        deliver(client, stripe_sandbox, event)
    told = StripeEvent.objects.get(type="checkout.session.completed")
    assert order.access_token in told.payload["data"]["object"]["success_url"]

    page = client.get(change_url(StripeEvent, told.pk)).text

    assert order.access_token not in page
    assert f"order={order.code}&amp;t=…" in page

    StripeEvent.objects.filter(pk=told.pk).update(payload=None)
    page = client.get(change_url(StripeEvent, told.pk)).text
    assert "Not kept any more: the event is old." in page


def test_a_failed_event_is_tried_again(client, boss, run_jobs):
    payload = {"id": "evt_1", "type": "ping", "livemode": settings.LIVE_MODE}
    event = StripeEvent.objects.create(
        event_id="evt_1", type="ping", payload=payload, error="KeyError: 'x'"
    )

    client.post(
        list_url(StripeEvent), {"action": "try_again", "_selected_action": [event.pk]}
    )
    run_jobs()

    event.refresh_from_db()
    assert event.processed_at
    assert event.error == ""


# People


def test_staff_see_what_a_member_holds(client, boss):
    member = User.objects.create_user("member@example.com", "x")
    give(member, 1250)

    rows = client.get(list_url(User)).content.decode()

    assert "$12.50" in rows


def test_a_members_page_changes_no_balance(client, boss):
    member = User.objects.create_user("member@example.com", "x")
    give(member, 1250)
    url = change_url(User, member.pk)
    form = {
        "name": "Mem Ber",
        "is_active": "on",
        "ledger_accounts-TOTAL_FORMS": "1",
        "ledger_accounts-INITIAL_FORMS": "1",
        "ledger_accounts-0-id": member.ledger_accounts.get().pk,
        "ledger_accounts-0-balance": "999999",
        "addresses-TOTAL_FORMS": "0",
        "addresses-INITIAL_FORMS": "0",
    }

    response = client.post(url, form)

    member.refresh_from_db()
    assert (response.status_code, member.name) == (302, "Mem Ber")
    assert ledger.balance(member, settings.SHOP_CURRENCY) == 1250


def test_staff_set_a_new_password(client, boss):
    member = User.objects.create_user("member@example.com", "x")
    url = reverse("admin:auth_user_password_change", args=[member.pk])
    new = "a bicycle for two people"

    client.post(url, {"password1": new, "password2": new, "usable_password": "true"})

    member.refresh_from_db()
    assert member.check_password(new)


def test_staff_add_a_person(client, boss):
    new = "a bicycle for two people"

    client.post(
        reverse("admin:accounts_user_add"),
        {
            "email": "new@example.com",
            "name": "New",
            "usable_password": "true",
            "password1": new,
            "password2": new,
        },
    )

    assert User.objects.get(email="new@example.com").check_password(new)


def test_only_a_superuser_looks_after_staff(client, boss):
    clerk(client, "view_user", "change_user")
    new = "a bicycle for two people"

    url = reverse("admin:auth_user_password_change", args=[boss.pk])
    response = client.post(url, {"password1": new, "password2": new})

    assert response.status_code == 403
    boss.refresh_from_db()
    assert boss.check_password("x")


def test_who_changes_people_cannot_make_themselves_a_superuser(client):
    member = User.objects.create_user("member@example.com", "x")
    clerk(client, "view_user", "change_user")

    client.post(
        change_url(User, member.pk), {"name": "M", "is_active": "on", "is_staff": "on"}
    )
    client.post(change_url(User, member.pk), {"name": "M", "is_superuser": "on"})

    member.refresh_from_db()
    assert (member.name, member.is_staff, member.is_superuser) == ("M", False, False)


# Delivery


def zone_form(**changes):
    return {
        "name": "Nordics",
        "countries": "no, se; DK",
        "position": "0",
        "method-TOTAL_FORMS": "1",
        "method-INITIAL_FORMS": "0",
        "method-0-name": "Standard",
        "method-0-amount": "7.50",
        "method-0-free_from_amount": "",
        "method-0-days_least": "2",
        "method-0-days_most": "5",
        **changes,
    }


def test_a_zone_is_written_as_people_write_countries_and_money(client, boss):
    client.post(reverse("admin:orders_shippingzone_add"), zone_form())

    zone = ShippingZone.objects.get()
    assert zone.countries == ["NO", "SE", "DK"]
    assert zone.method.amount == 750
    page = client.get(change_url(ShippingZone, zone.pk)).content.decode()
    assert 'value="NO, SE, DK"' in page
    assert 'value="7.50"' in page


def test_a_country_that_does_not_exist_is_refused(client, boss):
    page = client.post(
        reverse("admin:orders_shippingzone_add"), zone_form(countries="NO, XX, *")
    )

    assert "No country has the code XX" in page.content.decode()
    assert not ShippingZone.objects.exists()


# Size


def test_a_list_counts_only_as_far_as_anybody_pages(monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "MOST", 2)
    make_product(variants=[{}, {}, {}])

    assert BoundedPaginator(Variant.objects.all(), 1).count == 2


def test_the_rows_of_the_catalogue_are_there_too():
    assert {Product, Option, OptionValue, ProductImage} <= set(admin.site._registry)
