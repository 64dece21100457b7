"""R-T11: the steps of a browser that came by a link, and the touch behind an order."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from catalog.signals import product_viewed
from catalog.tests.factories import make_product
from orders.tests.factories import make_zone
from referrals import activities
from referrals.models import Activity, Attribution, OrderTouch, Visitor
from referrals.tests.counting import counted
from referrals.tests.factories import (
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
)
from referrals.tests.people import buy, join

pytestmark = pytest.mark.django_db

GUEST = "guest@example.com"


@pytest.fixture
def link():
    return make_link(text="A01B2C3D")


@pytest.fixture
def mug():
    make_zone(amount=600)
    return make_product("Mug", slug="mug", amount=5000).variants.get()


def steps():
    return list(Activity.objects.order_by("pk").values_list("step", "subject"))


def test_a_friends_way_is_told_step_by_step(
    client, link, mug, mailoutbox, stripe_sandbox, run_jobs
):
    client.get("/r/A01B2C3D/")
    client.get("/p/mug/")
    join(client, mailoutbox)
    client.post("/cart/add/", {"variant": mug.sku, "quantity": 1})
    client.get("/checkout/")
    buy(client, stripe_sandbox, mug, due=9500 + 600)
    run_jobs()

    order = OrderTouch.objects.get().order
    assert steps() == [
        ("viewed_product", f"product:{mug.product_id}"),
        ("signed_up", ""),
        ("added_to_cart", f"variant:{mug.sku}"),
        ("started_checkout", ""),
        ("paid", f"order:{order.pk}"),
    ]
    assert order.user.attribution.link == link


def test_a_guests_order_keeps_the_link_it_came_by(
    client, link, mug, stripe_sandbox, run_jobs
):
    client.get("/r/A01B2C3D/")
    buy(client, stripe_sandbox, mug, email=GUEST)
    run_jobs()

    touch = OrderTouch.objects.get()
    assert touch.order.email == GUEST
    assert touch.link == link
    assert touch.visitor == Visitor.objects.get()
    assert touch.touched_at == link.visits.get().first_at
    assert ("paid", f"order:{touch.order_id}") in steps()


def test_an_order_without_a_standing_touch_keeps_none(
    client, link, mug, stripe_sandbox
):
    make_visit(make_visitor(client), link, days_ago=40)

    buy(client, stripe_sandbox, mug, email=GUEST)

    assert not OrderTouch.objects.exists()


def test_a_payment_is_one_step_however_often_it_is_told(
    client, link, mug, stripe_sandbox, run_jobs
):
    client.get("/r/A01B2C3D/")
    buy(client, stripe_sandbox, mug, email=GUEST)
    run_jobs()

    activities.note_payment(OrderTouch.objects.get().order_id)

    assert [step for step, _ in steps()].count("paid") == 1


def test_the_same_step_within_a_minute_is_one(client, link, mug, time_machine):
    make_product("Jug", slug="jug")
    make_visit(make_visitor(client), link)
    time_machine.move_to("2036-03-01T12:00:59Z", tick=False)
    client.get("/p/mug/")
    time_machine.move_to("2036-03-01T12:01:58Z", tick=False)
    client.get("/p/mug/")
    client.get("/p/jug/")
    assert len(steps()) == 2

    time_machine.move_to("2036-03-01T12:02:00Z", tick=False)
    client.get("/p/mug/")

    assert len(steps()) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Dest": "image"},
        {"User-Agent": "Twitterbot/1.0"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_what_nobody_looks_at_is_no_step(client, link, mug, headers):
    make_visit(make_visitor(client), link)

    client.get("/p/mug/", headers=headers)

    assert steps() == []


def test_a_thing_put_into_the_cart_by_a_script_of_the_page_is_a_step(client, link, mug):
    make_visit(make_visitor(client), link)

    client.post(
        "/cart/add/",
        {"variant": mug.sku, "quantity": 1},
        headers={"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    )

    assert [step for step, _ in steps()] == ["added_to_cart"]


@pytest.mark.parametrize("who", ["owner", "staff"])
def test_an_order_of_an_owner_or_of_staff_keeps_no_link(rf, link, who):
    buyer = link.owner if who == "owner" else make_member(is_staff=True)
    request = rf.post("/checkout/")
    browser = Client()
    visitor = make_visitor(browser)
    make_visit(visitor, link)
    request.COOKIES = {settings.REFERRAL_COOKIE: browser.cookies["tandem_visit"].value}
    request.user = buyer

    kept = activities.touch_order(request, make_order(buyer).pk)

    assert not kept
    assert not OrderTouch.objects.exists()
    request.user = make_member()
    assert activities.touch_order(request, make_order(request.user).pk)


def test_the_database_keeps_one_of_two_at_once():
    visitor = make_visitor()
    for _ in range(2):
        activities._write(visitor.pk, "paid", "order:1", timezone.now())

    assert len(steps()) == 1


def test_beyond_two_hundred_a_day_one_in_ten_is_kept(rf, link, time_machine):
    time_machine.move_to("2036-03-01T12:00Z", tick=False)
    request = request_of(rf, make_visitor())
    for number in range(300):
        activities.note(request, activities.Step.VIEWED_PRODUCT, f"product:{number}")
    assert Activity.objects.count() == 200 + 10

    time_machine.move_to("2036-03-02T12:00Z", tick=False)
    activities.note(request, activities.Step.VIEWED_PRODUCT, "product:1")

    assert Activity.objects.count() == 211


def request_of(rf, visitor):
    from django.contrib.auth.models import AnonymousUser

    request = rf.get("/")
    request.user = AnonymousUser()
    visitor.is_owner = False
    request._referral_visitor = visitor
    return request


def test_staff_leave_no_steps(client, link, mug):
    make_visit(make_visitor(client), link)
    client.force_login(make_member(is_staff=True))

    client.get("/p/mug/")

    assert steps() == []


def test_owners_leave_no_steps_though_they_clicked_before_signing_in(client, link, mug):
    client.get("/r/A01B2C3D/")
    client.force_login(link.owner)

    client.get("/p/mug/")

    assert steps() == []


def test_nobody_leaves_steps_without_the_cookie(client, link, mug):
    client.get("/p/mug/")  # warm
    with counted() as asked:
        client.get("/p/mug/")
        client.post("/cart/add/", {"variant": mug.sku, "quantity": 1})

    assert not [each for each in asked.own if "referrals_" in each]
    assert steps() == []


def test_after_a_no_there_are_no_steps(client, link, mug):
    client.get("/r/A01B2C3D/")
    client.post("/invitation/keep/", {"answer": "no"})
    client.get("/r/A01B2C3D/")

    client.get("/p/mug/")

    assert steps() == []


def test_a_step_costs_one_statement_and_the_next_look_none(client, link, mug):
    make_visit(make_visitor(client, confirmed_at=timezone.now()), link)
    client.get("/")
    with counted() as first:
        client.get("/p/mug/")
    with counted() as again:
        client.get("/p/mug/")

    def written(asked):
        return [each for each in asked.own if "referrals_activity" in each]

    assert (len(written(first)), len(written(again))) == (1, 0)


def test_a_page_comes_up_whatever_becomes_of_its_step(client, mug):
    def fails(sender, **kwargs):
        raise RuntimeError

    product_viewed.connect(fails)
    try:
        assert client.get("/p/mug/").status_code == 200
    finally:
        product_viewed.disconnect(fails)


def test_a_wrong_page_is_no_step(client, link, mug):
    make_visit(make_visitor(client), link)

    assert client.get("/p/nothing/").status_code == 404
    assert client.get("/p/mug/?v=NOTHING").status_code == 404
    client.get(reverse("orders:checkout"))  # with nothing to buy

    assert steps() == []


def test_joining_without_the_link_is_no_step(client, link, mailoutbox):
    join(client, mailoutbox)

    assert steps() == []
    assert not Attribution.objects.exists()
