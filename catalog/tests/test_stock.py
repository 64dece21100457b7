import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Sum

from catalog import stock
from catalog.models import StockMovement, Variant
from catalog.tests.factories import make_variant

pytestmark = pytest.mark.django_db


def left(variant):
    return Variant.objects.get(pk=variant.pk).stock


def test_taken_pieces_are_gone_and_given_back_pieces_return():
    variant = make_variant(stock=5)

    stock.take({variant: 2}, cause="order:1:take", reason="Order")
    assert left(variant) == 3

    stock.give_back({variant: 2}, cause="order:1:back", reason="Cancelled")
    assert left(variant) == 5


def test_more_than_there_is_cannot_be_taken():
    variant = make_variant(stock=1)

    with pytest.raises(stock.OutOfStock) as caught:
        stock.take({variant: 2}, cause="order:1:take", reason="Order")

    assert caught.value.variant == variant
    assert left(variant) == 1
    assert not StockMovement.objects.filter(key__startswith="order:").exists()


def test_several_variants_are_taken_together_or_not_at_all():
    plenty, scarce = make_variant(stock=9), make_variant(stock=1)

    with pytest.raises(stock.OutOfStock):
        stock.take({plenty: 1, scarce: 2}, cause="order:1:take", reason="Order")

    assert (left(plenty), left(scarce)) == (9, 1)


def test_one_cause_moves_stock_once():
    variant = make_variant(stock=5)
    stock.take({variant: 2}, cause="order:1:take", reason="Order")

    with pytest.raises(stock.AlreadyMoved):
        stock.take({variant: 2}, cause="order:1:take", reason="Order")

    assert left(variant) == 3


def test_the_movements_of_a_variant_add_up_to_its_stock():
    variant = make_variant(stock=8)
    stock.take({variant: 3}, cause="order:1:take", reason="Order")
    stock.give_back({variant: 1}, cause="order:1:back", reason="Returned")
    stock.correct(variant, -2, cause="count:1", reason="Broken")

    assert variant.movements.aggregate(sum=Sum("quantity"))["sum"] == left(variant) == 4


def test_a_correction_cannot_take_what_is_not_there():
    variant = make_variant(stock=1)

    with pytest.raises(stock.OutOfStock):
        stock.correct(variant, -2, cause="count:1", reason="Lost")


def test_the_database_refuses_stock_below_nothing():
    variant = make_variant(stock=1)

    with pytest.raises(IntegrityError), transaction.atomic():
        Variant.objects.filter(pk=variant.pk).update(stock=-1)


def test_a_movement_is_never_changed_and_never_deleted():
    make_variant(stock=1)

    for attempt in (
        lambda: StockMovement.objects.update(quantity=7),
        lambda: StockMovement.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
            attempt()

    assert StockMovement.objects.get().quantity == 1
