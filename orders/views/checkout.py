from functools import partial
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from accounts import ledger
from catalog import stock
from orders import buying, carts, payments, shipping, signals, spending, timeline
from orders import checkout as checkout_room
from orders.access import SignInFirst, order_for, sign_in_first
from orders.forms import CheckoutForm
from orders.models import Order
from orders.views.history import receipt

# A webhook takes a second or two; after so many looks the page says it takes longer.
MOST_LOOKS = 40


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request):
    """Contact, address, balance and the amount to pay, on one page."""
    contents = carts.contents(carts.current(request))
    if not contents.buyable:
        messages.info(request, "Your cart is empty, so there is nothing to pay yet.")
        return _to_cart(request)
    user = request.user if request.user.is_authenticated else None
    countries = shipping.countries()
    if not countries:
        messages.error(request, "This shop cannot deliver anywhere yet. Write to us.")
        return _to_cart(request)
    balance = checkout_room.spendable(user, contents.cart) if user else 0
    make = partial(CheckoutForm, user=user, countries=countries, balance=balance)
    if request.method != "POST":
        signals.checkout_started.send_robust(None, request=request)
        form = make(initial=_remembered(user, balance))
        return _page(request, contents, form, has=balance)
    form = make(request.POST)
    if "update" in request.POST:
        # A new country or amount: the page says what it means, and judges nothing yet.
        form.full_clean()
        asked = make(initial=form.as_typed())
        return _page(
            request, contents, asked, balance=form.wanted_balance(), has=balance
        )
    if not form.is_valid():
        return _page(request, contents, form, balance=form.wanted_balance(), status=422)
    if form.wanted_balance() != 0:
        totals = _totals(contents, user, form, form.wanted_balance())
        spending.ask(request, totals.balance, totals.currency)
    return _buy(request, contents, form, user)


@never_cache
@require_safe
@sign_in_first
def checkout_return(request):
    """Where Stripe sends the customer back.

    It reads and never confirms: the webhook does that.
    """
    order = order_for(request, request.GET.get("order", ""), request.GET.get("t", ""))
    if order.status == Order.Status.CONFIRMED:
        if request.htmx:
            return HttpResponseClientRefresh()
        thanks = {
            "first_name": order.address.name.split()[0],
            "steps": timeline.ahead(order),
            "thank_you_fragments": settings.THANK_YOU_FRAGMENTS,
        }
        return render(request, "orders/thank_you.html", receipt(order) | thanks)
    looked = request.GET.get("looked", "")[:3]
    looks = min(int(looked) if looked.isdecimal() else 0, MOST_LOOKS) + 1
    again = request.GET.copy()
    again["looked"] = looks
    context = {
        "order": order,
        "again_url": f"{request.path}?{again.urlencode()}",
        "takes_long": looks > MOST_LOOKS,
        "waits": order.is_open,
    }
    template = (
        "orders/confirming.html#state" if request.htmx else "orders/confirming.html"
    )
    return render(request, template, context)


@require_POST
def pay(request, code):
    """Pay an order that waits, with its stock and balance, by the same or a new try."""
    try:
        order = order_for(request, code, request.POST.get("t", ""))
    except SignInFirst:  # and come back to the order, for this address takes no GET
        return redirect_to_login(reverse("orders:order", args=[code]))
    if not order.is_open:  # its page says why
        return redirect(order.get_absolute_url())
    try:
        return redirect(payments.start(order))
    except payments.PaymentUnavailable:
        messages.error(
            request, "Payment is not possible right now. Nothing was charged."
        )
        return redirect(order.get_absolute_url())


def _buy(request, contents, form, user):
    details = checkout_room.Details(
        email=user.email if user else form.cleaned_data["email"],
        address=form.address(),
        balance=form.wanted_balance(),
        expected_total=form.cleaned_data.get("expected_total"),
        expected_due=form.cleaned_data.get("expected_due"),
    )
    try:
        order = buying.place(contents.cart, user, details)
    except checkout_room.TotalsChanged:
        messages.warning(
            request, "The amount has changed since you looked. Check it once more."
        )
    except checkout_room.CartEmpty:
        return redirect("orders:cart")
    except checkout_room.OtherOrderOpen as other:  # a person is looking at it
        return redirect(other.order.get_absolute_url())
    except stock.OutOfStock as error:
        messages.warning(
            request, f"{error.variant} just sold out. Your cart shows what is left."
        )
        return redirect("orders:cart")
    except ledger.InsufficientBalance:
        messages.warning(
            request, "Your balance was spent elsewhere meanwhile. Check the amounts."
        )
    except checkout_room.TooSmall:
        messages.warning(
            request, "That is less than a card can be charged. Add something more."
        )
        return redirect("orders:cart")
    except checkout_room.TooLarge:
        messages.warning(
            request, "That is more than a card can be charged at once. Buy it in parts."
        )
        return redirect("orders:cart")
    except shipping.NoDelivery:
        form.add_error(
            "country", "We do not deliver there yet. Write to us, we may find a way."
        )
    except payments.PaymentUnavailable:
        messages.error(
            request,
            "Payment is not possible right now. "
            "Nothing was charged; your cart is here.",
        )
    else:
        signals.order_placed.send_robust(None, request=request, order_id=order.pk)
        if user and form.cleaned_data["keep_address"]:
            buying.keep_address(user, details.address)
        return _to_payment(request, order)
    contents = carts.contents(contents.cart)
    if not contents.buyable:
        return redirect("orders:cart")
    return _page(request, contents, form, balance=form.wanted_balance(), status=422)


def _to_payment(request, order):
    if order.status == Order.Status.CONFIRMED:
        token = {} if order.user_id else {"t": order.access_token}
        return redirect(
            f"{reverse('orders:return')}?{urlencode({'order': order.code} | token)}"
        )
    if not order.is_open:
        return redirect(order.get_absolute_url())
    try:
        return redirect(payments.start(order))
    except payments.PaymentUnavailable:
        messages.error(
            request,
            "Payment is not possible right now. "
            "Nothing was charged, and your order waits.",
        )
        return redirect(order.get_absolute_url())


def _to_cart(request):
    """htmx would put the cart where the form was; it is sent to the page instead."""
    if request.htmx:
        return HttpResponseClientRedirect(reverse("orders:cart"))
    return redirect("orders:cart")


def _remembered(user, balance):
    """What the form starts with: the last address, and as much balance as helps."""
    last = user.addresses.first() if user else None
    address = last.as_dict() if last else {"country": shipping.usual()[0]}
    return (
        address
        | {"name": address.get("name") or (user.name if user else "")}
        | {
            "use_balance": balance > 0,
            "keep_address": True,
        }
    )


def _totals(contents, user, form, balance):
    method = shipping.method_for(form.country)
    return checkout_room.quote(contents, user, method, balance)


def _page(request, contents, form, *, balance=None, has=None, status=200):
    """The page with the totals that the country and `balance` (None: all) make.

    After a try to buy, what the customer `has` is asked anew.
    """
    user = request.user if request.user.is_authenticated else None
    method = shipping.method_for(form.country)
    totals = checkout_room.quote(contents, user, method, balance, has=has)
    context = {
        "form": form,
        "contents": contents,
        "totals": totals,
        "method": method,
        "balance": form.balance,
        "balance_was_capped": bool(balance and balance > totals.balance),
        "currency": totals.currency,
    }
    template = "orders/checkout.html#form" if request.htmx else "orders/checkout.html"
    return render(request, template, context, status=status)
