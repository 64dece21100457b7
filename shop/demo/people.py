"""The people of the demo: one with a history, one fresh, one who runs the shop.

Everything here goes through the same verbs as the shop's own pages: orders are placed, paid and
settled, so that the demo's books are true to the cent.
"""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from catalog.models import Variant
from orders import carts, checkout, confirmation
from orders.models import Cart, Order, Payment
from referrals import attributions, links, settlement, terms
from referrals.models import Visit, Visitor
