from django.utils.functional import SimpleLazyObject

from orders import carts


def cart_count(request):
    """How many pieces wait in the cart, counted only if the page prints it."""
    return {"cart_count": SimpleLazyObject(lambda: carts.count(request))}
