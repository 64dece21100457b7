from collections.abc import Iterator

from django import template
from django.core.paginator import Page

register = template.Library()


@register.filter
def nearby(page: Page) -> Iterator[int | str]:
    """The numbers worth a link: both ends, the neighbours, `…` for the rest."""
    return page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
