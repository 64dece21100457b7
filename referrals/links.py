"""Invitations: make them, find them by a code, end them, draw them."""

from datetime import datetime

import segno
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Subquery
from django.urls import Resolver404, reverse
from django.urls import resolve as resolve_path
from django.utils import timezone

from accounts.models import User
from catalog.models import Category, Product
from referrals import blocks, codes, destinations, terms
from referrals.models import Campaign, Code, ReferralLink
from referrals.models.links import ReferralLinkQuerySet

MOST = 20  # open links of one member, printed cards aside
ENDED_BY_OWNER = "ended by its owner"

Kind = ReferralLink.Kind
# Pages that a stored path may lead to, beside categories and products.
_PAGES = {"home", "catalog:new", "catalog:search", "page", "referrals:basket"}
_OWN = (Kind.INVITE, Kind.SHARE_ITEM, Kind.EMAIL)


class TooMany(Exception):
    """This member has as many links as anybody may have."""


class CannotOpen(Exception):
    """An ended link stays ended; the message is for a person."""


class NoOffer(Exception):
    """There is no default campaign that a member's link could belong to."""


class Ended(NoOffer):
    """Staff have ended the member's own link; the argument is the link."""


def default_link(user: User) -> ReferralLink:
    """The member's own invitation, made the first time somebody looks.

    Safe to race: ten tabs get the same link. Raises NoOffer, and Ended.
    """
    found = ReferralLink.objects.with_code().filter(owner=user, is_default=True)
    link = found.first()
    if link and link.disabled_at:
        raise Ended(link)
    if link:
        return link
    campaign = Campaign.objects.filter(is_default=True).first()
    if not campaign:
        raise NoOffer
    try:
        with transaction.atomic():
            link = ReferralLink.objects.create(
                owner=user, campaign=campaign, is_default=True
            )
            codes.draw(link, is_primary=True)
    except IntegrityError:  # another tab was first
        pass
    return found.get()


def own_code(owner) -> Subquery:
    """The code of a member's own invitation as people see it: to annotate rows with.

    Empty until somebody has looked at it for the first time, and when it has ended.
    """
    codes_of = Code.objects.filter(
        link__owner=owner,
        link__is_default=True,
        link__disabled_at=None,
        is_primary=True,
    )
    return Subquery(codes_of.values("display")[:1])


def shared_by(user: User) -> ReferralLinkQuerySet:
    """A member's links that may be shared, the default one first."""
    found = ReferralLink.objects.with_code().filter(owner=user, kind__in=_OWN)
    found = found.filter(disabled_at=None).select_related("product__category")
    return found.order_by("-is_default", "-created_at", "-pk")


def add(user: User, label: str, path: str = "") -> ReferralLink:
    """One more invitation of a member, under a label to tell it apart.

    It leads to `path`, if one is given. Raises TooMany and NoOffer.
    """
    return _made(user, label=label, path=path, kind=Kind.INVITE)


def for_campaign(link: ReferralLink) -> ReferralLink:
    """Write a campaign's link, which nobody owns and nobody earns by, with its code."""
    with transaction.atomic():
        link.owner, link.kind = None, Kind.CAMPAIGN
        link.save(force_insert=True)
        codes.draw(link, is_primary=True)
    return link


def for_product(user: User, product: Product) -> ReferralLink:
    """The member's link to one product, made when they first share it.

    Should the product go, the link leads to its category. Safe to race. Raises TooMany
    and NoOffer.
    """
    of_it = {"kind": Kind.SHARE_ITEM, "product": product}
    found = ReferralLink.objects.with_code().filter(
        owner=user, disabled_at=None, **of_it
    )
    link = found.first()
    if link is None:
        try:
            with transaction.atomic():
                path = product.category.get_absolute_url()
                _made(user, label=product.name[:60], path=path, **of_it)
        except IntegrityError:  # another tab was first
            pass
        link = found.get()
    return link


def for_mail(user: User) -> ReferralLink:
    """The link in the mails that the shop sends for a member. Raises TooMany, NoOffer.

    The caller holds the member's row, so that there is one.
    """
    found = shared_by(user).filter(kind=Kind.EMAIL).first()
    return found or _made(user, label="Invitations by mail", kind=Kind.EMAIL)


def rotate(link: ReferralLink) -> Code:
    """The link has leaked: its codes lead nowhere from now on, and it has a new one.

    What came by the old ones stays, and so do the figures.
    """
    with transaction.atomic():
        ReferralLink.objects.select_for_update(no_key=True).get(pk=link.pk)
        codes.retire_all(link)
        return codes.draw(link, is_primary=True)


def end(link: ReferralLink) -> None:
    """Its owner does not want it any more. The default link does not end."""
    ReferralLink.objects.filter(pk=link.pk, is_default=False, disabled_at=None).update(
        disabled_at=timezone.now(), disabled_reason=ENDED_BY_OWNER
    )


def disable(link: ReferralLink, *, reason: str) -> bool:
    """Staff end a link, a member's own one as well; whether it was still open."""
    open_ones = ReferralLink.objects.filter(pk=link.pk, disabled_at=None)
    return bool(
        open_ones.update(disabled_at=timezone.now(), disabled_reason=reason[:120])
    )


def enable(link: ReferralLink) -> bool:
    """Let an ended link count again; whether it had ended. Raises CannotOpen."""
    if link.owner and not link.owner.is_active:
        raise CannotOpen("Its owner has left.")
    ended = ReferralLink.objects.filter(pk=link.pk, disabled_at__isnull=False)
    try:
        with transaction.atomic():
            return bool(ended.update(disabled_at=None, disabled_reason=""))
    except IntegrityError as error:
        raise CannotOpen(
            "Its owner has another link to the same product by now."
        ) from error


def set_dates(
    link: ReferralLink, *, active_from: datetime | None, expires_at: datetime | None
) -> None:
    """From when until when a campaign's link counts; nothing for no limit."""
    ReferralLink.objects.filter(pk=link.pk, kind=Kind.CAMPAIGN).update(
        active_from=active_from, expires_at=expires_at
    )


def resolve(text: str) -> ReferralLink | None:
    """The link behind a typed code, disabled or not; None when there is none."""
    return next(iter(resolve_all([text])), None)


def resolve_all(texts: list[str]) -> list[ReferralLink]:
    """The links behind several typed codes, in the order typed.

    Each knows whether it `is_blocked`, and the `visit_days` that a click may count at
    most. One query, or none at all.
    """
    wanted = [code for code in map(codes.normalise, texts) if code]
    if not wanted:
        return []
    rows = (
        Code.objects.working()
        .filter(text__in=wanted)
        .select_related("link__owner", "link__campaign", "link__product__category")
        .annotate(
            is_blocked=blocks.against_code(), visit_days=terms.longest_visit_days()
        )
    )
    found = {}
    for code in rows:
        code.link.is_blocked = code.is_blocked
        code.link.visit_days = code.visit_days
        found[code.text] = code.link
    return [found[code] for code in wanted if code in found]


def destination(link: ReferralLink) -> str:
    """The page of this site that a link opens: never one that is not there.

    A product that is not shown any more is answered by its category, then by home. The
    stored path is judged anew, for it may have been written past every form.
    """
    product = link.product
    if product and product.is_live:
        return product.get_absolute_url()
    if product and product.category.is_shown:
        return product.category.get_absolute_url()
    path = destinations.own_path(link.path) if link.path else None
    try:
        is_there = path is not None and _is_there(path)
    except Resolver404:
        is_there = False
    return path if is_there else reverse("home")


def url_of(link: ReferralLink) -> str:
    """The address to share; `link` comes from this room, which knows its code."""
    return address(link.shown)


def address(code: str) -> str:
    """The absolute address of a code, as people see it."""
    return settings.SITE_URL + reverse("referrals:link", args=[f"{code}/"])


def drawn(url: str) -> dict:
    """A QR code as one SVG path: its `size` in modules and the strokes `d`."""
    rows = list(segno.make(url, error="m", micro=False).matrix_iter(border=4))
    strokes = []
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            run = 1
            while x + run < len(row) and row[x + run] == row[x]:
                run += 1
            if row[x]:
                strokes.append(f"M{x} {y}.5h{run}")
            x += run
    return {"size": len(rows), "d": "".join(strokes)}


def _made(user, **fields):
    default = default_link(user)
    with transaction.atomic():
        # The lock: the twentieth and the twenty-first may be asked for at once.
        ReferralLink.objects.select_for_update(no_key=True).get(pk=default.pk)
        mine = ReferralLink.objects.filter(owner=user, kind__in=_OWN, disabled_at=None)
        if mine.count() >= MOST:
            raise TooMany
        link = ReferralLink.objects.create(
            owner=user, campaign_id=default.campaign_id, **fields
        )
        code = codes.draw(link, is_primary=True)
    link.code, link.shown = code.text, code.display
    return link


def _is_there(path):
    found = resolve_path(path.partition("?")[0].partition("#")[0])
    if found.view_name == "catalog:category":
        return Category.objects.shown().filter(path=found.kwargs["path"]).exists()
    if found.view_name == "catalog:product":
        return Product.objects.live().filter(slug=found.kwargs["slug"]).exists()
    return found.view_name in _PAGES
