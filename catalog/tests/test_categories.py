import pytest

from catalog import categories, search
from catalog.models import Category
from catalog.tests.factories import make_category, make_product

pytestmark = pytest.mark.django_db


def test_a_branch_knows_its_address_and_the_way_to_it():
    kitchen = make_category("Kitchen", slug="kitchen")
    cups = make_category("Cups", slug="cups", parent=kitchen)
    mugs = make_category("Mugs", slug="mugs", parent=cups)

    assert mugs.path == "kitchen/cups/mugs"
    assert [crumb.name for crumb in mugs.crumbs] == ["Kitchen", "Cups"]
    assert mugs.crumbs[1].get_absolute_url() == "/c/kitchen/cups/"


def test_moving_a_branch_moves_everything_below_it():
    kitchen = make_category("Kitchen", slug="kitchen")
    living = make_category("Living", slug="living")
    cups = make_category("Cups", slug="cups", parent=kitchen)
    mugs = make_category("Mugs", slug="mugs", parent=cups)

    cups.parent = living
    categories.plant(cups)

    mugs.refresh_from_db()
    assert mugs.path == "living/cups/mugs"
    assert [crumb.name for crumb in mugs.crumbs] == ["Living", "Cups"]


def test_hiding_and_showing_a_branch_reaches_everything_below_it():
    kitchen = make_category("Kitchen")
    cups = make_category("Cups", parent=kitchen)

    kitchen.is_visible = False
    categories.plant(kitchen)
    cups.refresh_from_db()
    assert not cups.is_shown
    assert cups.is_visible

    kitchen.is_visible = True
    categories.plant(kitchen)
    cups.refresh_from_db()
    assert cups.is_shown


def test_a_branch_cannot_hang_under_itself():
    kitchen = make_category("Kitchen")
    cups = make_category("Cups", parent=kitchen)

    kitchen.parent = cups
    with pytest.raises(categories.UnderItself):
        categories.plant(kitchen)

    kitchen.parent = kitchen
    with pytest.raises(categories.UnderItself):
        categories.plant(kitchen)


def test_two_branches_cannot_share_an_address():
    make_category("Cups", slug="cups")

    with pytest.raises(categories.AddressTaken):
        make_category("Other cups", slug="cups")


def test_a_slug_that_begins_like_another_is_another_branch():
    make_category("Desk", slug="desk")
    make_category("Desktop", slug="desktop")

    assert [c.slug for c in Category.objects.branch("desk")] == ["desk"]


def test_a_renamed_branch_is_found_by_its_new_name(run_jobs):
    category = make_category("Lamps")
    make_product("Dome", category=category)

    category.name = "Luminaires"
    categories.plant(category)
    run_jobs()

    assert [p.name for p in search.find("luminaires")] == ["Dome"]


def test_navigation_forgets_a_hidden_branch_at_once(django_capture_on_commit_callbacks):
    kitchen = make_category("Kitchen")
    make_product(category=make_category("Cups", parent=kitchen))
    categories.forget_departments()
    assert [(d.name, d.product_count) for d in categories.departments()] == [
        ("Kitchen", 1)
    ]

    with django_capture_on_commit_callbacks(execute=True):
        kitchen.is_visible = False
        categories.plant(kitchen)

    assert categories.departments() == []
