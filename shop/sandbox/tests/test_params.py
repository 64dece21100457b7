import pytest
import stripe
from stripe.params import EventListParams, RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from shop.sandbox.stripe import params
from shop.sandbox.stripe.errors import ApiError

from .factories import session_params


def refusal(client, **changes):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create(session_params(**changes))
    return caught.value


def test_brackets_become_objects_and_lists():
    assert params.decode("a[0][b]=1&a[1][b]=2&c[d]=&e[]=x&e[]=y") == {
        "a": [{"b": "1"}, {"b": "2"}],
        "c": {"d": ""},
        "e": ["x", "y"],
    }


@pytest.mark.parametrize(
    "encoded", ["a[=1", "a]b=1", "a[b]c=1", "a=1&a[b]=2", "a" + "[b]" * 2000]
)
def test_a_malformed_name_is_refused(encoded):
    with pytest.raises(ApiError):
        params.decode(encoded)


def test_values_get_their_types():
    checked = params.check(
        SessionCreateParams,
        params.decode("expires_at=12&adaptive_pricing[enabled]=false&metadata[0]=zero"),
    )

    assert checked == {
        "expires_at": 12,
        "adaptive_pricing": {"enabled": False},
        "metadata": {"0": "zero"},
    }


def test_a_value_or_an_object_is_accepted_where_both_are_allowed():
    assert params.check(EventListParams, {"created": "5"}) == {"created": 5}
    assert params.check(EventListParams, {"created": {"gte": "5"}}) == {
        "created": {"gte": 5}
    }


def test_options_of_the_client_are_no_parameters():
    with pytest.raises(ApiError, match="unknown parameter: api_key"):
        params.check(RefundCreateParams, {"api_key": "sk"})


def test_an_unknown_parameter_is_refused_with_its_path(client):
    error = refusal(client, line_items=[{"quantity": 1, "colour": "red"}])

    assert (error.code, error.param) == ("parameter_unknown", "line_items[0][colour]")


def test_a_missing_parameter_is_refused(client):
    error = refusal(
        client, line_items=[{"quantity": 1, "price_data": {"unit_amount": 100}}]
    )

    assert error.code == "parameter_missing"
    assert error.param == "line_items[0][price_data][currency]"


@pytest.mark.parametrize("value", ["12.5", "soon", "10.00"])
def test_a_wrong_integer_is_refused(client, value):
    error = refusal(client, expires_at=value)

    assert (error.code, error.param) == ("parameter_invalid_integer", "expires_at")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"adaptive_pricing": {"enabled": "maybe"}}, "adaptive_pricing[enabled]"),
        ({"mode": "gift"}, "mode"),
        ({"line_items": "cup"}, "line_items"),
        ({"metadata": "plain"}, "metadata"),
        ({"success_url": {"a": "b"}}, "success_url"),
        ({"success_url": "/thanks"}, "success_url"),
        ({"customer_email": "grace"}, "customer_email"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(client, changes, param):
    assert refusal(client, **changes).param == param


def test_an_empty_string_cannot_unset_what_cannot_be_unset(client):
    error = refusal(client, cancel_url="")

    assert (error.code, error.param) == ("parameter_invalid_empty", "cancel_url")


def test_an_empty_string_clears_what_may_be_cleared():
    assert params.check(RefundCreateParams, {"metadata": ""}) == {"metadata": ""}
