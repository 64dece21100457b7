import pytest
from django.core.management import call_command
from django.core.management.sql import emit_pre_migrate_signal
from django.db import DatabaseError, connection, transaction
from django.db.migrations import Migration

from accounts.models import Transfer
from orders.models import Order, OrderDiscount, OrderEvent, OrderLine
from orders.tests.factories import give, make_order, make_user
from shop.kit import guards

pytestmark = pytest.mark.django_db

STATES = ["pending", "confirmed", "expired", "cancelled"]
DRAWN = {
    ("pending", "confirmed"),
    ("pending", "expired"),
    ("pending", "cancelled"),
    ("confirmed", "cancelled"),
    ("expired", "confirmed"),
    ("cancelled", "confirmed"),
}


def run(sql, *params):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)


def refused(sql, *params, match):
    with pytest.raises(DatabaseError, match=match):
        run(sql, *params)


def test_inv_07_no_transfer_is_changed_or_deleted():
    transfer = give(make_user(), 500)

    for attempt in [
        lambda: Transfer.objects.filter(pk=transfer.pk).update(amount=1),
        lambda: Transfer.objects.filter(pk=transfer.pk).delete(),
        lambda: run("DELETE FROM accounts_transfer"),
        lambda: run("UPDATE accounts_transfer SET reason = 'x'"),
    ]:
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
            attempt()

    assert Transfer.objects.get() == transfer


@pytest.mark.postgres
def test_inv_07_history_cannot_be_truncated():
    give(make_user(), 500)
    run("SET CONSTRAINTS ALL IMMEDIATE")

    refused("TRUNCATE accounts_transfer CASCADE", match="only grows")


@pytest.mark.parametrize("model", [OrderLine, OrderEvent])
def test_what_an_order_froze_is_never_touched_again(model):
    make_order()
    table = model._meta.db_table

    refused(f"UPDATE {table} SET order_id = order_id", match="only grows")
    refused(f"DELETE FROM {table}", match="only grows")


def test_every_kind_of_history_is_guarded():
    names = {guard.trigger("UPDATE") for guard in guards._guards}

    for model in [Transfer, OrderLine, OrderDiscount, OrderEvent]:
        assert f"{model._meta.db_table}_grows_update" in names


@pytest.mark.parametrize(
    "column", ["amount_due", "amount_total", "currency", "code", "amount_balance"]
)
def test_inv_04_the_figures_of_an_order_stand(column):
    make_order()
    other = "'EUR'" if column in ("currency", "code") else f"{column} + 1"

    refused(f"UPDATE orders_order SET {column} = {other}", match="cannot change")


def test_writing_the_same_figures_again_is_no_change():
    order = make_order()

    order.save()

    assert Order.objects.get(pk=order.pk).amount_due == order.amount_due


@pytest.mark.parametrize("old", STATES)
@pytest.mark.parametrize("new", STATES)
def test_inv_17_an_order_moves_along_the_drawn_arrows_only(old, new):
    order = make_order()
    moments = "confirmed_at = placed_at"
    if old != "pending":
        run(f"UPDATE orders_order SET status = %s, {moments}", old)
    step = f"UPDATE orders_order SET status = %s, {moments}"

    if (old, new) in DRAWN or old == new:
        run(step, new)
        order.refresh_from_db()
        assert order.status == new
    else:
        refused(step, new, match="cannot move")


def test_a_dropped_trigger_is_missed_and_migrating_brings_it_back():
    assert guards.missing() == []
    drop_trigger("accounts_transfer_grows_update", "accounts_transfer")

    assert guards.missing() == ["accounts_transfer_grows_update"]

    call_command("migrate", verbosity=0)
    assert guards.missing() == []


@pytest.mark.postgres
def test_a_trigger_that_was_switched_off_is_missed():
    run("ALTER TABLE accounts_transfer DISABLE TRIGGER accounts_transfer_grows_delete")

    assert guards.missing() == ["accounts_transfer_grows_delete"]


def drop_trigger(name, table):
    run(
        f"DROP TRIGGER {name} ON {table}"
        if connection.vendor == "postgresql"
        else f"DROP TRIGGER {name}"
    )


@pytest.mark.django_db(transaction=True)
def test_guards_come_back_after_a_migration_rebuilt_their_table():
    """SQLite rebuilds a table to alter it, and drops its triggers on the way."""
    reason = Transfer._meta.get_field("reason")
    longer = reason.clone()
    longer.max_length = 201
    longer.set_attributes_from_name("reason")
    longer.model = Transfer
    plan = [(Migration("0002_longer_reason", "accounts"), False)]
    emit_pre_migrate_signal(0, False, "default", plan=plan)
    with connection.schema_editor() as editor:
        editor.alter_field(Transfer, reason, longer, strict=True)
        editor.alter_field(Transfer, longer, reason, strict=True)
    if connection.vendor == "sqlite":
        assert "accounts_transfer_grows_delete" in guards.missing()

    call_command("migrate", verbosity=0)

    assert guards.missing() == []
    give(make_user(), 500)
    refused("DELETE FROM accounts_transfer", match="only grows")
