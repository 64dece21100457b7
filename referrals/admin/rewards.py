"""What was promised and paid, and what was last decided about each order."""

from django import forms
from django.contrib import admin, messages
from django.utils.html import format_html

from referrals import grants, settlement
from referrals.admin.columns import InWords, amount, in_words, spoken
from referrals.models import (
    GrantWord,
    InviterQuota,
    MilestoneReward,
    Reward,
    Settlement,
    Unsettled,
)
from shop.kit.money import format_money
from shop.kit.staff import (
    Figure,
    ReadOnlyAdmin,
    ReadOnlyInline,
    change_url,
    confirm,
    list_url,
    moment,
    whether,
)

MOST_AT_ONCE = 20


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Who reads the order later wants to know. Members do not see it.",
    )


class WordInline(ReadOnlyInline):
    model = GrantWord
    verbose_name_plural = "who wants it granted"
    fields = ["created_at", "said_by", "because"]


class WaitsForAnother(admin.SimpleListFilter):
    """One person wants it granted, and another has to say the same."""

    title = "waits for a second person"
    parameter_name = "half_granted"

    def lookups(self, request, model_admin):
        return [("1", "Yes")]

    def queryset(self, request, queryset):
        if self.value() != "1":
            return queryset
        return queryset.filter(pk__in=Reward.objects.half_granted().values("pk"))


@admin.register(Reward)
class RewardAdmin(ReadOnlyAdmin):
    list_display = [
        "recipient",
        "order",
        "money",
        "state",
        "why",
        "available",
        "taken_back",
        "on_hold",
    ]
    list_filter = [
        "state",
        ("frozen_at", whether("on hold")),
        ("waived_at", whether("granted by staff")),
        WaitsForAnother,
        ("reason", InWords),
    ]
    fields = [
        "attribution",
        "order",
        "recipient",
        "money",
        "taken_back",
        "state",
        "why",
        "available_at",
        "released_at",
        "frozen_at",
        "on_hold",
        "waived_at",
        "waived_by",
        "waived_because",
        "is_only",
        "sequence",
        "created_at",
    ]
    list_select_related = ["recipient", "order"]
    search_fields = ["recipient__email", "order__code"]
    actions = ["settle_again", "grant_anyway"]
    inlines = [WordInline]

    def start_figures(self, request):
        """What the staff's start page says of rewards that take a second person."""
        if not self.has_act_permission(request):
            return
        count = Reward.objects.half_granted().count()
        if count:
            url = list_url(Reward, "half_granted=1")
            yield Figure("Grants to confirm", str(count), url, needs_care=True)

    money = amount("amount", "Amount")
    taken_back = amount("amount_reversed", "Taken back")
    on_hold = amount("amount_frozen", "On hold")
    why = in_words("reason", "Reason")
    available = moment("available_at", "Available")

    @admin.action(description="Settle again", permissions=["act"])
    def settle_again(self, request, queryset):
        """It can only make a reward what the facts say, so nothing is asked first."""
        for reward in queryset.order_by("pk")[:MOST_AT_ONCE]:
            settlement.judge_and_settle(reward.order_id)
            self.log_change(request, reward, "Settled again.")
        self.message_user(request, "Settled again.", messages.SUCCESS)

    @admin.action(description="Grant all the same", permissions=["act"])
    def grant_anyway(self, request, queryset):
        """The page that says what it comes to; with `confirmed`, the deed."""
        rewards = list(
            queryset.filter(state=Reward.State.VOID).order_by("pk")[: MOST_AT_ONCE + 1]
        )
        if not rewards or len(rewards) > MOST_AT_ONCE:
            sentence = f"Choose one to {MOST_AT_ONCE} rewards that did not come about."
            self.message_user(request, sentence, messages.WARNING)
            return None
        is_confirmed = "confirmed" in request.POST
        form = ReasonForm(request.POST if is_confirmed else None)
        if is_confirmed and form.is_valid():
            for reward in rewards:
                self._grant(request, reward, form.cleaned_data["reason"])
            return None
        return confirm(
            self,
            request,
            action="grant_anyway",
            rows=rewards,
            title="Grant rewards all the same",
            facts=[
                ("Rewards", len(rewards)),
                (
                    "Refused because",
                    ", ".join(sorted({spoken(each.reason) for each in rewards})),
                ),
                ("Together", _together(rewards)),
            ],
            form=form,
            button="Grant all the same",
        )

    def _grant(self, request, reward, reason):
        level = messages.WARNING
        try:
            granted = grants.grant_anyway(reward.pk, request.user, reason)
        except (grants.NotVoid, grants.OverLimit) as error:
            sentence = f"{error} Nothing was done by you."
        except grants.SaidAlready:
            sentence = "You have said so already. Another person has to say the same."
        except grants.StillVoid as error:
            sentence = f"Not granted, because the order says: {error}."
        except grants.OwnAffair:
            sentence = "Somebody else has to decide about a reward of your own."
        else:
            if granted.state == Reward.State.VOID:
                done = "Granted, once another person says the same."
            else:
                done, level = "Granted.", messages.SUCCESS
            sentence = done
            self.log_change(request, granted, f"{done} {reason}")
        link = format_html(
            '<a href="{}">{}</a>: {}', change_url(Reward, reward.pk), reward, sentence
        )
        self.message_user(request, link, level)


@admin.register(GrantWord)
class GrantWordAdmin(ReadOnlyAdmin):
    list_display = ["reward", "because", "said_by", "said"]
    list_select_related = ["reward__recipient", "reward__order", "said_by"]
    search_fields = ["reward__recipient__email", "reward__order__code", "because"]

    said = moment("created_at", "Said")


@admin.register(Unsettled)
class UnsettledAdmin(ReadOnlyAdmin):
    list_display = ["order", "since"]
    list_select_related = ["order"]
    search_fields = ["order__code"]
    ordering = ["since"]

    def get_object(self, request, object_id, from_field=None):
        try:
            return super().get_object(request, object_id, from_field)
        except OverflowError:  # a number that no order has
            return None


@admin.register(Settlement)
class SettlementAdmin(ReadOnlyAdmin):
    list_display = ["order", "attribution", "reward", "why", "settled"]
    list_filter = [("reason", InWords)]
    list_select_related = [
        "order",
        "attribution__invitee",
        "attribution__inviter",
        "reward__recipient",
        "reward__order",
    ]
    search_fields = ["order__code", "attribution__invitee__email"]

    why = in_words("reason", "Reason")
    settled = moment("settled_at", "Settled")


@admin.register(MilestoneReward)
class MilestoneRewardAdmin(ReadOnlyAdmin):
    list_display = ["recipient", "campaign", "friends_count", "money", "state"]
    fields = [*list_display, "sequence", "created_at"]
    list_filter = ["state"]
    list_select_related = ["recipient", "campaign"]
    search_fields = ["recipient__email"]

    money = amount("amount", "Amount")


@admin.register(InviterQuota)
class InviterQuotaAdmin(ReadOnlyAdmin):
    list_display = ["inviter", "campaign", "period", "starts_on", "used", "most"]
    list_filter = ["period"]
    list_select_related = ["inviter", "campaign"]
    search_fields = ["inviter__email"]


def _together(rewards):
    """The sum for each currency, in words."""
    sums = {}
    for reward in rewards:
        sums[reward.currency] = sums.get(reward.currency, 0) + reward.amount
    return ", ".join(format_money(total, code) for code, total in sorted(sums.items()))
