import pytest
from django.contrib.auth.models import AnonymousUser

from catalog import stock
from catalog.tests.factories import make_product, make_variant
from orders import carts
from orders.models import Cart, Order
from orders.tests.factories import fill, make_cart, make_user, place

pytestmark = pytest.mark.django_db


def held(cart):
    return dict(cart.lines.values_list("variant__sku", "quantity"))


def test_adding_the_same_thing_twice_makes_one_line():
    cart, lamp = make_cart(), make_variant(sku="LAMP")

    carts.add(cart, "LAMP", 1)
    _, missing = carts.add(cart, "LAMP", 2)

    assert held(cart) == {"LAMP": 3}
    assert missing == 0
    assert lamp.stock == 10


def test_no_more_is_added_than_there_is():
    cart = make_cart()
    make_variant(sku="LAMP", stock=3)

    line, missing = carts.add(cart, "LAMP", 5)

    assert (line.quantity, missing) == (3, 2)


def test_no_more_is_added_than_one_line_may_hold(settings):
    settings.MAX_PER_LINE = 4
    cart = make_cart()
    make_variant(sku="LAMP", stock=100)

    line, missing = carts.add(cart, "LAMP", 1_000_000_000)

    assert (line.quantity, missing) == (4, 999_999_996)


def test_a_cart_that_asks_for_more_than_is_left_keeps_what_it_asked_for():
    lamp = make_variant(sku="LAMP", stock=5)
    cart = make_cart(None, {lamp: 5})
    stock.take({lamp: 4}, cause="other", reason="Sold elsewhere")

    line, missing = carts.add(cart, "LAMP", 1)

    assert (line.quantity, missing) == (5, 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "draft"},
        {"status": "archived"},
        {"published_at": "2999-01-01T00:00Z"},
    ],
)
def test_what_is_not_sold_cannot_be_added(fields):
    make_product(variants=[{"sku": "LAMP"}], **fields)

    with pytest.raises(carts.NotForSale):
        carts.add(make_cart(), "LAMP", 1)


def test_what_does_not_exist_cannot_be_added():
    with pytest.raises(carts.NotForSale):
        carts.add(make_cart(), "NOTHING", 1)


def test_a_quantity_of_zero_removes_the_line():
    cart = make_cart(None, {make_variant(sku="LAMP"): 2})

    carts.change(cart, "LAMP", 0)

    assert held(cart) == {}


def test_changing_a_line_that_is_not_there_changes_nothing():
    make_variant(sku="BOWL")
    cart = make_cart(None, {make_variant(sku="LAMP"): 2})

    carts.change(cart, "BOWL", 3)
    carts.change(cart, "LAMP", 1_000_000_000)

    assert held(cart) == {"LAMP": 10}


def test_a_sold_out_line_stays_in_sight_and_costs_nothing():
    lamp, bowl = make_variant(stock=0, amount=5000), make_variant(amount=700)
    contents = carts.contents(make_cart(None, {lamp: 1, bowl: 2}))

    assert [line.is_sold_out for line in contents.lines] == [True, False]
    assert contents.amount_goods == 1400
    assert contents.changed


def test_a_line_that_is_short_counts_what_there_is():
    lamp = make_variant(stock=2, amount=5000)
    contents = carts.contents(make_cart(None, {lamp: 3}))

    assert contents.lines[0].is_short
    assert contents.amount_goods == 10_000


def test_amounts_are_those_of_this_moment():
    lamp = make_variant(amount=5000)
    cart = make_cart(None, {lamp: 1})

    lamp.amount = 5500
    lamp.save()

    assert carts.contents(cart).amount_goods == 5500


def test_the_order_one_is_about_to_pay_does_not_sell_out_its_own_cart():
    lamp = make_variant(sku="LAMP", stock=2)
    cart = make_cart(make_user(), {lamp: 1})
    place(cart)
    place_for_somebody_else(lamp)

    contents = carts.contents(cart)

    assert not contents.changed
    assert contents.count == 1
    assert carts.add(cart, "LAMP", 1)[1] == 1, "the other piece is somebody else's"


def place_for_somebody_else(variant):
    place(make_cart(None, {variant: 1}))


def test_pieces_of_the_own_order_can_be_asked_for_again():
    lamp = make_variant(sku="LAMP", stock=2)
    cart = make_cart(make_user(), {lamp: 2})
    place(cart)
    carts.change(cart, "LAMP", 1)

    assert carts.add(cart, "LAMP", 1)[1] == 0


def test_a_cart_is_shown_in_one_query(django_assert_num_queries):
    cart = make_cart(None, {make_variant(): 1, make_variant(): 2, make_variant(): 3})

    with django_assert_num_queries(1):
        contents = carts.contents(cart)
        assert [line.variant.product.name for line in contents.buyable]
        assert [line.image for line in contents.buyable]


# Merging at sign-in


def test_a_guest_who_signs_in_for_the_first_time_keeps_the_cart():
    ada, guest = make_user(), make_cart(None, {make_variant(sku="LAMP"): 2})

    assert carts.merge(guest, ada) == []

    assert held(ada.cart) == {"LAMP": 2}
    assert ada.cart.token_hash is None


def test_two_carts_are_poured_into_one():
    lamp, bowl, vase = (make_variant(sku=sku) for sku in ("LAMP", "BOWL", "VASE"))
    ada = make_user()
    own = make_cart(ada, {lamp: 1, bowl: 1})
    guest = make_cart(None, {lamp: 2, vase: 1})

    assert carts.merge(guest, ada) == []

    assert held(own) == {"LAMP": 3, "BOWL": 1, "VASE": 1}
    assert Cart.objects.get() == own


def test_what_cannot_be_kept_is_said():
    lamp = make_variant(sku="LAMP", stock=3)
    ada = make_user()
    own = make_cart(ada, {lamp: 2})

    said = carts.merge(make_cart(None, {lamp: 2}), ada)

    assert held(own) == {"LAMP": 3}
    assert said == ["Moon Globe Lamp: 3 of the 4 you asked for."]


def test_a_sold_out_line_is_not_lost_in_the_merge():
    lamp = make_variant(sku="LAMP", stock=0)
    ada = make_user()
    own = make_cart(ada)

    carts.merge(make_cart(None, {lamp: 1}), ada)

    assert held(own) == {"LAMP": 1}


def test_signing_in_twice_does_not_merge_twice():
    lamp, ada = make_variant(sku="LAMP"), make_user()
    own = make_cart(ada, {lamp: 1})
    guest = make_cart(None, {lamp: 2})

    carts.merge(guest, ada)
    carts.merge(guest, ada)

    assert held(own) == {"LAMP": 3}


def test_nobody_takes_over_the_cart_of_somebody_else():
    ada, eve = make_user(), make_user()
    own = make_cart(ada, {make_variant(sku="LAMP"): 1})

    carts.merge(own, eve)

    assert held(ada.cart) == {"LAMP": 1}
    assert not Cart.objects.filter(user=eve).exists()


def test_pieces_of_the_own_open_order_count_in_the_merge():
    lamp, ada = make_variant(sku="LAMP", stock=2), make_user()
    own = make_cart(ada, {lamp: 2})
    place(own)

    carts.merge(make_cart(None, {lamp: 1}), ada)

    assert held(own) == {"LAMP": 2}


def test_the_open_order_of_a_guest_comes_along():
    lamp, ada = make_variant(sku="LAMP"), make_user()
    own = make_cart(ada)
    guest = make_cart(None, {lamp: 1})
    order = place(guest)

    carts.merge(guest, ada)

    order.refresh_from_db()
    assert order.cart == own


def test_inv_16_two_open_orders_are_not_put_into_one_cart():
    ada = make_user()
    own = make_cart(ada, {make_variant(): 1})
    guest = make_cart(None, {make_variant(): 1})
    first, second = place(own), place(guest)

    carts.merge(guest, ada)

    second.refresh_from_db()
    assert second.cart is None
    assert second.status == Order.Status.PENDING
    assert Order.objects.get(cart=own) == first


def test_signing_in_over_the_site_brings_the_cart(client):
    from orders.tests.factories import make_guest_cart

    ada = make_user("ada@example.com", password="a sentence works well")
    ada.emailaddress_set.create(email=ada.email, verified=True, primary=True)
    make_guest_cart(client, {make_variant(sku="LAMP"): 2})

    client.post(
        "/accounts/login/",
        {"login": "ADA@example.com", "password": "a sentence works well"},
    )

    assert client.session["_auth_user_id"] == str(ada.pk)
    assert held(Cart.objects.get(user=ada)) == {"LAMP": 2}


# After buying


def test_what_was_bought_leaves_the_cart_and_what_was_added_since_stays():
    lamp, bowl = make_variant(sku="LAMP"), make_variant(sku="BOWL")
    cart = make_cart(make_user(), {lamp: 2, bowl: 1})
    order = place(cart)
    fill(cart, lamp, 3)
    fill(cart, make_variant(sku="VASE"), 1)

    carts.forget_ordered(order)

    assert held(cart) == {"LAMP": 1, "VASE": 1}


def test_less_in_the_cart_than_was_bought_leaves_nothing():
    lamp = make_variant(sku="LAMP")
    cart = make_cart(make_user(), {lamp: 3})
    order = place(cart)
    fill(cart, lamp, 1)

    carts.forget_ordered(order)

    assert held(cart) == {}


def test_a_cart_that_is_gone_has_nothing_to_forget():
    order = place(make_cart(None, {make_variant(): 1}))
    order.cart.delete()
    order.refresh_from_db()

    carts.forget_ordered(order)


# Cookies


def request(rf, user=None, token=""):
    made = rf.get("/")
    made.user = user or AnonymousUser()
    made.COOKIES = {carts.COOKIE: token} if token else {}
    return made


def test_looking_makes_no_cart(rf):
    assert carts.current(request(rf)) is None
    assert carts.current(request(rf, token="forged")) is None
    assert not Cart.objects.exists()


def test_the_cookie_of_a_guest_is_stored_as_its_hash_only(rf):
    from django.http import HttpResponse

    asked = request(rf)
    cart = carts.open_for(asked)
    cookie = carts.remember(asked, HttpResponse()).cookies[carts.COOKIE]

    assert carts.current(request(rf, token=cookie.value)) == cart
    assert cookie.value not in cart.token_hash
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_somebody_signed_in_has_one_cart_in_every_browser(rf):
    ada = make_user()

    assert carts.open_for(request(rf, ada)) == carts.open_for(request(rf, ada))
