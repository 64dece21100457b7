"""The checker itself: it must see what is wrong."""

import pytest

from . import contract
from .factories import session_params


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "done"},
        {"livemode": "false"},
        {"expires_at": None},
        {"total_details": {"amount_discount": 0}},
        {"invented": 1},
    ],
)
def test_a_damaged_object_is_noticed(client, damage):
    session = client.v1.checkout.sessions.create(session_params()).to_dict(
        for_json=True
    )

    with pytest.raises(AssertionError):
        contract.check(session | damage)


def test_a_missing_key_is_noticed(client):
    session = client.v1.checkout.sessions.create(session_params()).to_dict(
        for_json=True
    )
    del session["payment_status"]

    with pytest.raises(AssertionError, match="payment_status"):
        contract.check(session)
