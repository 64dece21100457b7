"""The rules of an offer: read the live version, publish the next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog.models import Category, Product
from referrals import plugins
from referrals.models import Attribution, Campaign, Exclusion, Milestone, Terms

VISIT_DAYS = 30  # where no rules say how long a click may count

_CACHE_SECONDS = 60
_ABSENT = "absent"  # the cache cannot tell None from "not there"


def current(currency: str) -> Terms | None:
    """What the default campaign promises now; None while it takes nobody new.

    Served from the cache, for it stands on every page.
    """
    terms = _cached("default", currency)
    return terms if terms and terms.campaign.is_open(timezone.now()) else None


def of_default(currency: str) -> Terms | None:
    """The newest version of the default campaign, whether it is open or not."""
    return _cached("default", currency)


def of(campaign: Campaign, currency: str) -> Terms | None:
    """The newest version of a campaign's rules in a currency, from the cache."""
    return _cached(campaign.pk, currency)


def newest(campaign: Campaign, currency: str) -> Terms | None:
    """The same from the database, for whoever writes it down."""
    return Terms.objects.filter(campaign=campaign, currency=currency).first()


def in_force() -> QuerySet[Terms]:
    """The newest version of every campaign in every currency."""
    newest = (
        Terms.objects.filter(
            campaign=OuterRef("campaign"), currency=OuterRef("currency")
        )
        .order_by("-number")
        .values("pk")[:1]
    )
    return Terms.objects.order_by().filter(pk=Subquery(newest))


def longest_visit_days() -> Coalesce:
    """How many days a click may count by the rules in force: to annotate rows with."""
    longest = in_force().order_by("-visit_days").values("visit_days")[:1]
    return Coalesce(Subquery(longest), VISIT_DAYS)


def visit_days() -> int:
    """The same as a number. One query."""
    longest = in_force().aggregate(days=Max("visit_days"))["days"]
    return VISIT_DAYS if longest is None else longest


def milestones(terms: Terms) -> list[Milestone]:
    """What so many friends earn under this version, the fewest first; from the cache.

    A version never changes, so nothing has to drop it.
    """
    if not getattr(terms, "has_milestones", True):
        return []
    key = f"referrals:milestones:{terms.pk}"
    found = cache.get(key)
    if found is None:
        found = list(terms.milestones.order_by("friends_count"))
        cache.set(key, found, _CACHE_SECONDS)
    return found


def exclusions(terms: Terms) -> list[Exclusion]:
    """What does not count under this version, in order of the names; cached, too."""
    if not getattr(terms, "has_exclusions", True):
        return []
    key = f"referrals:exclusions:{terms.pk}"
    found = cache.get(key)
    if found is None:
        rows = terms.exclusions.select_related("category", "product")
        found = sorted(rows, key=lambda each: str(each.category or each.product))
        cache.set(key, found, _CACHE_SECONDS)
    return found


@dataclass(frozen=True)
class Rules:
    """All that a page needs to say what the code does."""

    terms: Terms
    milestones: list[Milestone]
    exclusions: list[Exclusion]
    cards_are_people: bool


def rules(offer: Terms | None) -> Rules | None:
    """The live rules, for people to read. No query on a warm cache."""
    if offer is None:
        return None
    return Rules(
        terms=offer,
        milestones=milestones(offer),
        exclusions=exclusions(offer),
        cards_are_people=settings.REFERRAL_CARDS_ARE_PEOPLE,
    )


def for_currency(attribution: Attribution, currency: str) -> Terms | None:
    """The rules that hold for a friend's order in a currency; None without any.

    In another currency than the friend's own it is the newest version that the campaign
    had in it when they joined. No amount is ever converted.
    """
    own = attribution.terms
    if own.currency == currency:
        return own
    then = Terms.objects.filter(
        campaign=own.campaign_id,
        currency=currency,
        created_at__lte=attribution.created_at,
    )
    return then.first()


class NobodyCanTell(ValueError):
    """The hold would begin with an arrival that this shop does not hear of."""


def publish(
    campaign: Campaign,
    *,
    milestones: Mapping[int, int] | None = None,
    excluded: Iterable[Category | Product] | None = None,
    **changes,
) -> Terms:
    """Write the next version: a copy of the newest one, with changes.

    A campaign may speak several currencies; a named one is copied from its own newest
    version if it has one. Whoever joined before keeps the version they joined under.
    `milestones` are amounts by numbers of friends; these and what is `excluded` are
    copied, too, unless they are given. Raises NobodyCanTell.
    """
    with transaction.atomic():
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        versions = Terms.objects.filter(campaign=campaign)
        last = versions.first()
        same = versions.filter(currency=changes.get("currency")).first()
        terms = same or last or Terms(campaign=campaign)
        if milestones is None:
            milestones = _milestones(terms, changes.get("currency", terms.currency))
        if excluded is None:
            excluded = _excluded(terms)
        terms.number = last.number + 1 if last else 1
        for field, value in {**changes, "created_at": timezone.now()}.items():
            setattr(terms, field, value)
        if terms.hold_from == Terms.Hold.DELIVERY and not plugins.knows_deliveries():
            raise NobodyCanTell("Set REFERRAL_DELIVERED_AT before it is promised.")
        terms.pk, terms._state.adding = None, True
        terms.save()
        Milestone.objects.bulk_create(
            Milestone(terms=terms, friends_count=count, amount=amount)
            for count, amount in sorted(milestones.items())
        )
        Exclusion.objects.bulk_create(
            Exclusion(terms=terms, **{type(each)._meta.model_name: each})
            for each in excluded
        )
    return terms


def _milestones(last, currency):
    """Amounts are not carried into another currency."""
    if last.pk is None or last.currency != currency:
        return {}
    return dict(last.milestones.values_list("friends_count", "amount"))


def _excluded(last):
    if last.pk is None:
        return []
    rows = last.exclusions.select_related("category", "product")
    return [row.category or row.product for row in rows]


def forget(campaign_id: int, currencies: list[str] | None = None) -> None:
    """Drop a campaign from the cache, now and again once the change is committed."""
    if currencies is None:
        found = Terms.objects.filter(campaign=campaign_id).order_by()
        currencies = list(found.values_list("currency", flat=True).distinct())
    keys = [
        _key(name, each) for name in ("default", campaign_id) for each in currencies
    ]
    cache.delete_many(keys)
    # Somebody may read the old version into the cache until our transaction ends.
    transaction.on_commit(lambda: cache.delete_many(keys), robust=True)


def _cached(name, currency):
    found = cache.get(_key(name, currency))
    if found is None:
        campaign = (
            {"campaign__is_default": True} if name == "default" else {"campaign": name}
        )
        versions = Terms.objects.filter(currency=currency, **campaign)
        # Most offers have neither: what is not there is not asked for again.
        versions = versions.select_related("campaign").annotate(
            has_milestones=Exists(Milestone.objects.filter(terms=OuterRef("pk"))),
            has_exclusions=Exists(Exclusion.objects.filter(terms=OuterRef("pk"))),
        )
        found = versions.first() or _ABSENT
        cache.set(_key(name, currency), found, _CACHE_SECONDS)
    return None if found == _ABSENT else found


def _key(name, currency):
    return f"referrals:terms:{name}:{currency}"
