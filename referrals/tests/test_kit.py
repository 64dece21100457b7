"""The example of docs/extending.md."""

import pytest
from django.utils import timezone

from accounts import ledger
from catalog.tests.factories import make_product
from orders.tests.factories import make_zone
from referrals import sweeps
from referrals.models import Reward
from referrals.testing import kit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", [1, 2])
def test_a_friend_who_buys_earns_the_inviter_five_dollars_once(
    client,
    stripe_sandbox,
    run_jobs,
    time_machine,
    mailoutbox,
    django_capture_on_commit_callbacks,
    seed,
):
    time_machine.move_to(timezone.now(), tick=False)
    kit.set_terms(hold_days=14)
    anna = kit.make_link(text="A01B2C3D").owner
    make_zone(amount=600)
    mug = make_product("Mug", amount=5000).variants.get()

    with django_capture_on_commit_callbacks(execute=True):
        client.get("/r/A01B2C3D/")
        kit.join(client, mailoutbox)
        kit.buy(client, stripe_sandbox, mug, due=5100)
        kit.deliver_stripe(client, stripe_sandbox, stripe_sandbox.events(), seed=seed)
    run_jobs()
    assert Reward.objects.get().state == Reward.State.PENDING

    kit.advance_time(time_machine, run_jobs, days=15)
    sweeps.release_due()
    assert ledger.balance(anna, "USD") == 500
