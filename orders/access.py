"""Who may read an order: its owner, or whoever holds a guest order's link."""

from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import Http404
from django.utils.crypto import constant_time_compare

from orders.models import Order


class SignInFirst(Exception):
    """Nobody is signed in, and no link was shown: signing in may help."""


def order_for(request, code: str, token: str = "") -> Order:
    """The order of this code, if the visitor may see it.

    Raises SignInFirst for strangers without a link, Http404 for everybody else; neither
    tells whether the code exists. The link of a guest who has an account by now asks to
    sign in.
    """
    if not token and not request.user.is_authenticated:
        raise SignInFirst
    order = Order.objects.filter(code=code.upper()[:8]).first()
    if order and order.user_id and order.user_id == request.user.pk:
        return order
    if order and constant_time_compare(token, order.access_token):
        if not order.user_id:
            return order
        if not request.user.is_authenticated:
            raise SignInFirst
    raise Http404


def sign_in_first(view):
    """View decorator: send strangers to the sign-in page and back."""

    @wraps(view)
    def wrapped(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except SignInFirst:
            return redirect_to_login(request.get_full_path())

    return wrapped
