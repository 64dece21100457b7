import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from shop.health import LONGEST_WAIT
from shop.kit.tests import jobs_for_tests


def test_the_process_answers_without_a_database(client):
    answer = client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"ok": True}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_shop_in_order_is_ready(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"ok": True}


@pytest.mark.django_db
def test_a_dropped_trigger_is_red(client):
    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TRIGGER accounts_transfer_grows_update"
            + (" ON accounts_transfer" if connection.vendor == "postgresql" else "")
        )

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "accounts_transfer_grows_update" in answer.json()["guards"]


@pytest.mark.django_db
def test_a_migration_that_is_not_applied_is_red(client):
    MigrationRecorder.Migration.objects.filter(app="orders").delete()

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert "migrations" in answer.json()


@pytest.mark.django_db
def test_work_that_nobody_does_is_red(client, time_machine):
    jobs_for_tests.write_down.enqueue("done")
    assert client.get("/readyz").status_code == 200

    time_machine.move_to(timezone.now() + LONGEST_WAIT * 2)

    assert client.get("/readyz").status_code == 503


# The two doors


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_a_page_under_another_loopback_name_is_sent_to_ours(client, host):
    answer = client.get("/search/?q=lamp", headers={"Host": host})

    assert answer.status_code == 302
    assert answer["Location"] == "http://localhost:8000/search/?q=lamp"


@pytest.mark.parametrize(
    "path", ["/healthz", "/webhooks/stripe/", "/sandbox/stripe/v1/checkout/sessions"]
)
def test_machines_are_not_sent_elsewhere(client, path):
    answer = client.get(path, headers={"Host": "127.0.0.1:8000"})

    assert answer.status_code != 302


@pytest.mark.django_db
def test_a_form_is_not_sent_elsewhere(client):
    assert client.post("/nowhere/", headers={"Host": "127.0.0.1"}).status_code != 302


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/search/?q=%00", "/p/a%00b/", "/%00"])
def test_a_nul_is_refused(client, path):
    assert client.get(path).status_code == 400
