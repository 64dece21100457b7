"""S-N6: a member's cart, or some of it, for a friend."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import privacy as people
from catalog import stock
from catalog.models import Product, Variant
from catalog.tests.factories import make_variant
from orders.models import CartLine
from orders.tests.factories import make_cart, make_zone
from referrals import baskets, links, privacy, retention
from referrals.models import OrderTouch, ReferralLink, SharedCart, SharedCartLine
from referrals.tests.factories import (
    make_attribution,
    make_link,
    make_member,
    make_order,
    make_visit,
    make_visitor,
)

pytestmark = pytest.mark.django_db


def text_of(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def anna(client):
    make_zone()
    anna = make_member("anna@example.com", name="Anna Lindqvist", shows_name=True)
    client.force_login(anna)
    return anna


def share(client, *picked, **said):
    """By the form, with these things ticked."""
    picked = picked or Variant.objects.filter(stock__gt=0)
    return client.post("/shared-cart/", {"picked": [v.pk for v in picked], **said})


def shared_link():
    return ReferralLink.objects.with_code().get(is_default=False)


def test_a_shared_cart_is_looked_over_and_taken_by_a_post(client, anna):
    lamp, vase = make_variant(stock=5), make_variant(stock=5)
    make_cart(anna, {lamp: 2, vase: 1})
    share(client)
    stock.take({lamp: 4}, cause="test", reason="Sold")
    friend = Client()

    way = friend.get(f"/r/{shared_link().code}/")["Location"]
    page = friend.get(way)

    assert page.status_code == 200
    assert "1 left of 2" in text_of(page)
    assert "gives you $5" in text_of(page)
    assert CartLine.objects.count() == 2  # looking took nothing
    friend.post(way)
    assert sorted(
        CartLine.objects.filter(cart__user=None).values_list("quantity", flat=True)
    ) == [1, 1]
    assert CartLine.objects.filter(cart__user=anna).count() == 2


def test_a_big_cart_has_a_short_address(client, anna):
    shelf = [make_variant(pk=9_000_000_000_000_000_000 - n) for n in range(40)]
    make_cart(anna, dict.fromkeys(shelf, 2))

    answer = share(client)

    assert answer.status_code == 302
    assert len(shared_link().path) < 50
    assert text_of(Client().get(shared_link().path)).count("2 pieces") == 40


@pytest.mark.postgres
def test_a_big_cart_is_shared_on_postgresql_too(client, anna):
    assert connection.vendor == "postgresql"
    shelf = [make_variant(pk=9_000_000_000_000_000_000 - n) for n in range(40)]
    make_cart(anna, dict.fromkeys(shelf, 2))

    share(client)

    assert SharedCartLine.objects.count() == 40


def test_what_was_not_picked_stays_at_home(client, anna):
    lamp, vase = make_variant(), make_variant()
    make_cart(anna, {lamp: 1, vase: 1})
    page = text_of(client.get("/shared-cart/"))
    assert lamp.product.name in page
    assert vase.product.name in page

    share(client, vase)

    assert [line.variant for line in SharedCartLine.objects.all()] == [vase]


def test_somebody_who_picks_nothing_is_asked_again(client, anna):
    make_cart(anna, {make_variant(): 1})

    answer = client.post("/shared-cart/", {"note": "Nothing"})

    assert answer.status_code == 422
    assert "Choose at least one thing." in text_of(answer)


def test_a_thing_that_is_not_in_the_cart_is_not_shared(client, anna):
    make_cart(anna, {make_variant(): 1})

    assert share(client, make_variant()).status_code == 422
    assert not SharedCart.objects.exists()


def test_a_cart_too_long_for_one_page_says_so(client, anna, monkeypatch):
    monkeypatch.setattr(baskets, "MOST_LINES", 2)
    make_cart(anna, dict.fromkeys([make_variant() for _ in range(3)], 1))

    answer = share(client)

    assert answer.status_code == 422
    assert "2 things go into one link. Choose fewer." in text_of(answer)
    assert not SharedCart.objects.exists()


def test_the_verb_takes_no_more_lines_than_the_page_either(anna):
    lines = [baskets.Line(Variant(pk=n), 1, 1) for n in range(baskets.MOST_LINES + 1)]

    with pytest.raises(baskets.TooLong):
        baskets.share(anna, lines)


def test_a_note_goes_along_as_plain_words_without_links(client, anna):
    make_cart(anna, {make_variant(): 1})
    note = "For <b>your</b> desk, see https://evil.example/x " + "and so on " * 15

    share(client, note=note[:200])

    page = Client().get(shared_link().path).content.decode()
    assert "For &lt;b&gt;your&lt;/b&gt; desk, see" in page
    assert "evil.example" not in page


def test_a_note_of_more_than_two_hundred_letters_is_refused(client, anna):
    make_cart(anna, {make_variant(): 1})

    assert share(client, note="x" * 201).status_code == 422


def test_the_same_cart_has_one_link_however_often_it_is_shared(client, anna):
    lamp = make_variant(stock=9)
    make_cart(anna, {lamp: 1})

    for _ in range(26):
        share(client)
    share(client, note="With love")

    assert SharedCart.objects.count() == 2


def test_a_cart_whose_link_was_ended_gets_another(client, anna):
    make_cart(anna, {make_variant(): 1})
    share(client)
    links.end(shared_link())

    share(client)

    assert SharedCart.objects.count() == 2


def test_two_members_with_the_same_cart_have_a_link_each(client, anna):
    lamp = make_variant(stock=9)
    make_cart(anna, {lamp: 1})
    share(client)
    ben = make_member()
    make_cart(ben, {lamp: 1})
    other = Client()
    other.force_login(ben)

    share(other)

    assert set(SharedCart.objects.values_list("link__owner", flat=True)) == {
        anna.pk,
        ben.pk,
    }


@pytest.mark.parametrize("gone", ["product", "variant"])
def test_what_is_not_sold_any_more_is_named_and_left_out(client, anna, gone):
    make_cart(anna, {make_variant(stock=5): 1})
    share(client)
    if gone == "product":
        Product.objects.update(status=Product.Status.ARCHIVED)
    else:
        Variant.objects.update(is_active=False)

    page = text_of(Client().get(shared_link().path))

    assert "Not there any more" in page
    assert "Put it into my cart" not in page


@pytest.mark.parametrize("token", ["WzFd:1abc:forged", "x" * 300, "none"])
def test_a_cart_that_is_not_there_leads_home_with_a_word(client, token):
    answer = client.get(f"/shared-cart/{token}/", follow=True)

    assert answer.redirect_chain == [("/", 302)]
    assert "This cart is not there any more." in text_of(answer)


def test_an_empty_cart_is_not_shared(client, anna):
    page = client.post("/shared-cart/", follow=True)

    assert "There is nothing in your cart to share." in text_of(page)
    assert not ReferralLink.objects.exists()


def test_a_member_who_opens_one_just_sees_the_cart(client, anna):
    make_cart(anna, {make_variant(): 1})
    share(client)
    ben = Client()
    ben.force_login(make_member())

    page = text_of(ben.get(ben.get(f"/r/{shared_link().code}/")["Location"]))

    assert "Somebody put this together for you." in page
    assert "You are already with us" not in page


def test_its_owner_reads_how_often_it_was_opened_and_bought(client, anna):
    make_cart(anna, {make_variant(): 1})
    share(client)
    link = shared_link()
    now = timezone.now()
    for _ in range(3):
        make_visit(make_visitor(landed_at=now), link, at=now)
    make_visit(make_visitor(), link, at=now)  # that browser never came back
    guest = make_order(None)
    OrderTouch.objects.create(order=guest, link=link, touched_at=now)
    friend = make_attribution(anna, link=link)
    both = make_order(friend.invitee)
    OrderTouch.objects.create(order=both, link=link, touched_at=now)
    make_order(friend.invitee)  # on another device
    unpaid = make_order(None, status="expired")
    OrderTouch.objects.create(order=unpaid, link=link, touched_at=now)
    make_order(make_member())

    assert "3 opened · 1 joined · 3 orders" in text_of(
        client.get("/account/invite/links/")
    )


def test_the_database_takes_a_thing_once_and_never_none_of_it():
    cart = SharedCart.objects.create(link=make_link(), token="a", content_hash="b")
    lamp = make_variant()
    cart.lines.create(variant=lamp, quantity=1)

    for quantity, variant in [(1, lamp), (0, make_variant())]:
        with pytest.raises(IntegrityError), transaction.atomic():
            cart.lines.create(variant=variant, quantity=quantity)


# Privacy


def test_an_old_cart_is_forgotten_and_its_link_leads_home(client, anna, time_machine):
    make_cart(anna, {make_variant(): 1})
    share(client)
    link = shared_link()
    time_machine.move_to(timezone.now() + retention.SHARED_CARTS - timedelta(hours=1))
    retention.purge()
    assert SharedCart.objects.exists()

    time_machine.move_to(timezone.now() + timedelta(hours=2))
    retention.purge()

    assert not SharedCart.objects.exists()
    assert not SharedCartLine.objects.exists()
    friend = Client()
    answer = friend.get(friend.get(f"/r/{link.code}/")["Location"], follow=True)
    assert answer.redirect_chain[-1][0] == "/"
    assert "gives you $5" in text_of(answer)


def test_a_member_reads_what_they_shared_and_leaves_none_of_it(client, anna):
    lamp = make_variant(sku="LAMP-1")
    make_cart(anna, {lamp: 2})
    share(client, note="With love")

    told = privacy.export(anna)

    assert [each["note"] for each in told["shared_carts"]] == ["With love"]
    assert [
        (each["variant__sku"], each["quantity"]) for each in told["shared_things"]
    ] == [("LAMP-1", 2)]
    people.close(anna, gives_up=people.leaves_behind(anna))
    assert not SharedCart.objects.exists()


def test_more_links_in_a_day_than_anybody_needs_are_refused(client, anna):
    make_cart(anna, {make_variant(): 1})
    for _ in range(40):
        share(client)

    page = client.post(
        "/shared-cart/",
        {"picked": SharedCartLine.objects.get().variant_id},
        follow=True,
    )

    assert "You have made and changed 40 links today" in text_of(page)
