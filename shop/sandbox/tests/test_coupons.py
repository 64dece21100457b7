import pytest
import stripe

from . import contract
from .factories import line, plain_params, session_params


def coupon(client, **worth):
    return client.v1.coupons.create(worth or {"amount_off": 1000, "currency": "usd"})


def discounted(client, discount, *lines, **changes):
    params = plain_params(*lines, discounts=[discount], **changes)
    return client.v1.checkout.sessions.create(params)


def test_a_coupon_is_taken_off_the_goods_and_not_off_shipping(client, sandbox):
    ten = coupon(client, amount_off=9900, currency="usd", name="Store credit")

    session = client.v1.checkout.sessions.create(
        session_params(discounts=[{"coupon": ten.id}])
    )

    assert (session.amount_subtotal, session.amount_total) == (5200, 500)
    assert session.total_details.amount_discount == 5200
    assert session.discounts[0].coupon == ten.id
    contract.check(session.to_dict(for_json=True))
    assert "<dt>Discount</dt><dd>−$52.00</dd>" in (
        sandbox.get(f"/pay/{session.id}").body.decode()
    )


def test_a_fixed_amount_is_split_among_the_lines_to_the_cent(client):
    one = coupon(client, amount_off=100, currency="usd")

    session = discounted(client, {"coupon": one.id}, *[line(1, 1000)] * 3)
    lines = client.v1.checkout.sessions.line_items.list(session.id).data

    assert [item.amount_discount for item in lines] == [33, 34, 33]
    assert session.amount_total == 2900


def test_a_percentage_is_rounded_line_by_line(client):
    half = coupon(client, percent_off=12.5)

    session = discounted(client, {"coupon": half.id}, line(1, 999), line(1, 999))

    assert session.total_details.amount_discount == 250  # of the sum it would be 249.75
    assert session.amount_total == 1748


def test_a_discount_of_everything_needs_no_payment(client, sandbox):
    all_of_it = coupon(client, percent_off=100)
    session = discounted(client, {"coupon": all_of_it.id})

    sandbox.pay(session.id, number="")

    assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"
    assert session.payment_status == "no_payment_required"


def test_a_discount_must_not_leave_less_than_the_least(client):
    most = coupon(client, amount_off=960, currency="usd")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        discounted(client, {"coupon": most.id})

    assert refusal.value.code == "amount_too_small"


@pytest.mark.parametrize(
    "changes",
    [
        {"discounts": [{"coupon": "a"}, {"coupon": "b"}]},
        {"discounts": [{"coupon": "a", "promotion_code": "b"}]},
        {"discounts": [{"coupon": "a"}], "allow_promotion_codes": True},
        {"discounts": [{"coupon": "unknown"}]},
        {"discounts": [{"promotion_code": "unknown"}]},
    ],
)
def test_a_session_has_one_known_discount_at_most(client, changes):
    with pytest.raises(
        stripe.InvalidRequestError, match=r"at most one|either|only specify|No such"
    ):
        client.v1.checkout.sessions.create(plain_params(**changes))


def test_a_coupon_of_another_currency_is_refused(client):
    euros = coupon(client, amount_off=100, currency="eur")

    with pytest.raises(stripe.InvalidRequestError, match="in eur"):
        discounted(client, {"coupon": euros.id})


def test_a_coupon_for_one_use_is_used_up_by_a_payment(client, sandbox):
    once = coupon(client, amount_off=100, currency="usd", max_redemptions=1)
    first = discounted(client, {"coupon": once.id})

    sandbox.pay(first.id)

    used = client.v1.coupons.retrieve(once.id)
    assert (used.times_redeemed, used.valid) == (1, False)
    with pytest.raises(stripe.InvalidRequestError, match="used up"):
        discounted(client, {"coupon": once.id})


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"amount_off": 100},
        {"amount_off": 100, "currency": "usd", "percent_off": 5},
        {"amount_off": 0, "currency": "usd"},
        {"percent_off": 101},
        {"percent_off": 5, "duration": "repeating"},
        {"percent_off": 5, "max_redemptions": 0},
        {"amount_off": 100, "currency": "xxx"},
    ],
)
def test_a_coupon_without_a_clear_worth_is_refused(client, params):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.coupons.create(params)


def test_a_coupon_is_named_changed_listed_and_deleted(client):
    named = coupon(client, id="WELCOME", percent_off=10, metadata={"by": "ada"})

    changed = client.v1.coupons.update("WELCOME", {"name": "Welcome"})
    listed = client.v1.coupons.list().to_dict(for_json=True)
    deleted = client.v1.coupons.delete("WELCOME")

    contract.check(listed)
    assert (named.id, changed.name, deleted.deleted) == ("WELCOME", "Welcome", True)
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        client.v1.coupons.retrieve("WELCOME")


def test_a_promotion_code_stands_for_its_coupon(client, sandbox):
    promotion = {"type": "coupon", "coupon": coupon(client).id}
    code = client.v1.promotion_codes.create(
        {"promotion": promotion, "code": "TEA", "max_redemptions": 1}
    )
    session = discounted(client, {"promotion_code": code.id}, line(2, 1000))

    sandbox.pay(session.id)

    (found,) = client.v1.promotion_codes.list({"code": "TEA"}).data
    assert session.amount_total == 1000
    assert found.times_redeemed == 1
    contract.check(found.to_dict(for_json=True))
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        discounted(client, {"promotion_code": code.id}, line(2, 1000))


def test_a_promotion_code_can_be_switched_off(client):
    promotion = {"type": "coupon", "coupon": coupon(client).id}
    code = client.v1.promotion_codes.create({"promotion": promotion})

    client.v1.promotion_codes.update(code.id, {"active": False})

    assert client.v1.promotion_codes.list({"active": True}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        discounted(client, {"promotion_code": code.id}, line(2, 1000))
