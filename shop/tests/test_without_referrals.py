"""Delete `referrals/` and the lines that name it, and a working shop remains."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from catalog.tests.factories import make_variant
from orders.models import Order
from orders.tests.factories import ADDRESS, deliver, give, make_user, make_zone

WIRING = ["shop/settings.py", "shop/urls.py"]
TYPED = {name: value for name, value in ADDRESS.items() if value}


@pytest.mark.django_db
def test_a_guest_buys_a_lamp(client, stripe_sandbox):
    make_zone(["US"], amount=600)
    lamp = make_variant(amount=5000)
    for address in ("/", lamp.get_absolute_url(), "/about/terms/", "/about/returns/"):
        assert client.get(address).status_code == 200

    client.post(reverse("orders:add"), {"variant": lamp.sku, "quantity": 1})
    form = {"email": "ada@example.com", "expected_due": "5600", **TYPED}
    asked = client.post(reverse("orders:checkout"), form)
    stripe_sandbox.pay(asked.url.rpartition("/")[2])
    for event in stripe_sandbox.events():
        assert deliver(client, stripe_sandbox, event).status_code == 200
    order = Order.objects.get()
    thanks = client.get(
        reverse("orders:return"), {"order": order.code, "t": order.access_token}
    )

    assert order.status == Order.Status.CONFIRMED
    assert thanks.status_code == 200
    assert order.spoken_code in thanks.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["home", "orders", "balance"], ids="account {}".format)
def test_a_member_opens_their_account(client, name):
    anna = make_user("anna@example.com", name="Anna Lindqvist")
    give(anna, 700)
    client.force_login(anna)

    assert client.get(reverse(f"accounts:{name}")).status_code == 200


@pytest.mark.django_db
def test_staff_find_a_person(admin_client):
    make_user("anna@example.com")

    found = admin_client.get(reverse("admin:find"), {"q": "anna@example.com"})

    assert found.status_code == 302


def test_the_shop_works_without_its_referral_programme(tmp_path):
    shop = _copy_without_referrals(tmp_path / "shop")

    named = [path.name for path in shop.rglob("*") if "referral" in path.name.lower()]
    assert named == [Path(__file__).name]
    _run(shop, "manage.py", "makemigrations", "--check", "--dry-run")
    _run(shop, "manage.py", "migrate", "--verbosity=0")
    this = Path(__file__).relative_to(settings.BASE_DIR)
    told = _run(shop, "-m", "pytest", "-q", str(this), "-k", "guest or member or staff")
    assert "5 passed" in told


def _copy_without_referrals(target: Path) -> Path:
    # Its measurements go with it.
    gone = ("referrals", "referrals.py", "latest-referrals.json")
    left_out = shutil.ignore_patterns(".*", "var", "__pycache__", *gone)
    shutil.copytree(settings.BASE_DIR, target, ignore=left_out)
    for name in WIRING:
        lines = (target / name).read_text().splitlines(keepends=True)
        kept = [line for line in lines if '"referrals' not in line]
        (target / name).write_text("".join(kept))
    return target


def _run(folder: Path, *arguments: str) -> str:
    outside = {"DATABASE_URL", "REDIS_URL", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"}
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    answer = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=kept | {"SHOP_ENV": "test", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-4000:]
    return answer.stdout
