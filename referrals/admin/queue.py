"""The page of the review queue: what waits, the evidence, and a decision in two clicks.

One form a group: a reason that is picked or written, and a button.
"""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from referrals import review
from referrals.models import ReviewCase

_VERBS = {
    "approve": review.approve,
    "reject": review.reject,
    "ask": review.ask,
    "reopen": review.reopen,
}
_DONE = {
    "approve": "approved",
    "reject": "rejected",
    "ask": "asked about",
    "reopen": "open again",
}
# The ones that are needed every day; anything else is written.
REASONS = [
    "A household: two people, two lives",
    "Same person with a second address",
    "Looks like a group that buys from itself",
    "A busy day, nothing else",
]
MOST = 200


class LeastForm(forms.Form):
    least = forms.IntegerField(min_value=0, max_value=1000, required=False)


class DecisionForm(forms.Form):
    cases = forms.TypedMultipleChoiceField(coerce=int)
    verdict = forms.ChoiceField(choices=[(name, name) for name in _VERBS])
    reason = forms.CharField(
        max_length=300,
        error_messages={"required": "Say why: the reason is kept with the decision."},
    )

    def __init__(self, posted):
        super().__init__(posted)
        known = ReviewCase.objects.filter(
            pk__in=[each for each in posted.getlist("cases")[:MOST] if each.isdecimal()]
        )
        self.found = list(known)
        self.fields["cases"].choices = [(str(each.pk), "") for each in self.found]


def queue(model_admin, request):
    """What waits on GET; a POST decides about the cases it names."""
    if not model_admin.has_act_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        _decide(model_admin, request)
        return redirect(
            f"{reverse('admin:referrals_reviewcase_queue')}?{_kept(request)}"
        )
    asked = LeastForm(request.GET)
    least = (asked.cleaned_data["least"] or 0) if asked.is_valid() else 0
    groups = review.queue(least, MOST)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": "Friends to look at",
        "groups": groups,
        "cases": [case for group in groups for case in group.cases],
        "least": least,
        "reasons": REASONS,
    }
    return TemplateResponse(request, "admin/referrals/reviewcase/queue.html", context)


def _decide(model_admin, request):
    form = DecisionForm(request.POST)
    if not form.is_valid():
        wrong = next(
            iter(form.errors.get("reason", [])), "Choose a case and a verdict."
        )
        messages.error(request, wrong)
        return
    verdict, reason = form.cleaned_data["verdict"], form.cleaned_data["reason"]
    wanted = set(form.cleaned_data["cases"])
    cases = [each for each in form.found if each.pk in wanted]
    try:
        decided = _VERBS[verdict](cases, actor=request.user, reason=reason)
    except review.AlreadyDecided as error:
        messages.warning(request, f"{error} Nothing was done by you.")
        return
    except review.OwnAffair as error:
        for case in cases:
            model_admin.log_change(request, case, f"Refused: {error}")
        messages.error(request, str(error))
        return
    for case in cases:
        model_admin.log_change(request, case, f"{verdict.capitalize()}. {reason}")
    if decided < len(cases):
        messages.warning(
            request, "Noted. Much is at stake, so another person has to say the same."
        )
    else:
        some = "1 friend" if decided == 1 else f"{decided} friends"
        messages.success(request, f"{some} {_DONE[verdict]}.")


def _kept(request):
    least = request.POST.get("least", "")
    return f"least={least}" if least.isdecimal() and len(least) < 5 else ""
