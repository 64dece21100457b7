"""The tree: each branch knows its address, the way to it and whether it is shown."""

from collections import defaultdict
from dataclasses import dataclass

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse

from catalog import products
from catalog.models import Category, Product

_DEPARTMENTS_KEY = "catalog:departments"
_DEPARTMENTS_SECONDS = 300


class UnderItself(Exception):
    """A branch cannot hang from itself or from a branch below it."""


class AddressTaken(Exception):
    """Another branch has this slug in the same place."""


@dataclass(frozen=True)
class Department:
    """A branch at the top, as navigation shows it: minutes old, without any price."""

    name: str
    path: str
    product_count: int

    def get_absolute_url(self):
        return reverse("catalog:category", args=[self.path])


def check(category: Category) -> None:
    """Whether the branch may hang where it says. Raises UnderItself, AddressTaken."""
    above, seen = category.parent, set()
    while above and above.pk not in seen:
        if above.pk == category.pk:
            raise UnderItself(category)
        seen.add(above.pk)
        above = above.parent
    if Category.objects.filter(path=_path(category)).exclude(pk=category.pk).exists():
        raise AddressTaken(category)


def plant(category: Category) -> None:
    """Save a branch, new or moved, and bring everything below it up to date.

    Raises UnderItself, AddressTaken.
    """
    with transaction.atomic():
        check(category)
        before = (
            Category.objects.filter(pk=category.pk).values_list("path", "name").first()
        )
        _derive(category, category.parent)
        category.save()
        if before:
            _derive_below(category)
        if before and before != (category.path, category.name):
            products.refresh_branch.enqueue(category.pk)
        transaction.on_commit(forget_departments, robust=True)


def departments() -> list[Department]:
    """The shown branches at the top with the number of their products, cached."""
    rows = cache.get(_DEPARTMENTS_KEY)
    if rows is None:
        rows = _read_departments()
        cache.set(_DEPARTMENTS_KEY, rows, _DEPARTMENTS_SECONDS)
    return [Department(*row) for row in rows]


def forget_departments() -> None:
    cache.delete(_DEPARTMENTS_KEY)


def _read_departments():
    """One question: every shown branch with its own live products, folded upwards."""
    live = Product.objects.live().filter(category=OuterRef("pk")).order_by()
    own = live.values("category").annotate(count=Count("pk")).values("count")
    branches = Category.objects.shown().annotate(count=Coalesce(Subquery(own), 0))
    counts, tops = defaultdict(int), []
    for branch in branches:
        counts[branch.path.split("/")[0]] += branch.count
        if branch.parent_id is None:
            tops.append(branch)
    return [(top.name, top.path, counts[top.path]) for top in tops]


def _path(category):
    return (
        f"{category.parent.path}/{category.slug}" if category.parent else category.slug
    )


def _derive(category, parent):
    category.path = _path(category)
    category.trail = [*parent.trail, [parent.name, parent.path]] if parent else []
    category.is_shown = category.is_visible and (parent is None or parent.is_shown)


def _derive_below(top):
    children = defaultdict(list)
    for category in Category.objects.exclude(parent=None):
        children[category.parent_id].append(category)
    changed, waiting = [], [top]
    while waiting:
        parent = waiting.pop()
        for category in children[parent.pk]:
            category.parent = parent
            _derive(category, parent)
            changed.append(category)
            waiting.append(category)
    Category.objects.bulk_update(changed, ["path", "trail", "is_shown"])
