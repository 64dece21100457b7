"""The page of the review queue: what waits, the evidence, and a decision in two clicks.

One form a group: who of it is meant, a reason that is picked or written, and a button.
What a friend is asked is a field of its own, for it is the friend who reads it.
"""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from referrals import emails, review
from referrals.admin import programme
from referrals.models import ReviewCase
from shop.kit.staff import change_url

_VERBS = {
    "approve": review.approve,
    "reject": review.reject,
    "ask": review.ask,
    "reopen": review.reopen,
}
_DONE = {
    "approve": "approved",
    "reject": "rejected",
    "ask": "asked",
    "reopen": "open again",
}
# The ones that are needed every day; anything else is written.
REASONS = [
    "A household: two people, two lives",
    "Same person with a second address",
    "Looks like a group that buys from itself",
    "A busy day, nothing else",
]
# They accuse nobody, and anybody can answer them.
QUESTIONS = [
    "How did you hear of us?",
    "Do you and the person who invited you share a household or a workplace?",
    "Is there anything we should know about your order?",
]
MOST = 200


class LeastForm(forms.Form):
    least = forms.IntegerField(min_value=0, max_value=1000, required=False)


class DecisionForm(forms.Form):
    cases = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": "Choose at least one friend."}
    )
    verdict = forms.ChoiceField(choices=[(name, name) for name in _VERBS])
    picked = forms.ChoiceField(choices=[(each, each) for each in REASONS])
    reason = forms.CharField(max_length=300)
    asked = forms.ChoiceField(choices=[(each, each) for each in QUESTIONS])
    question = forms.CharField(max_length=300)

    def __init__(self, posted):
        super().__init__(posted)
        known = ReviewCase.objects.filter(
            pk__in=[each for each in posted.getlist("cases")[:MOST] if each.isdecimal()]
        )
        self.found = list(known)
        self.fields["cases"].choices = [(str(each.pk), "") for each in self.found]
        for name in ("picked", "reason", "asked", "question"):
            self.fields[name].required = False

    def clean(self):
        said = super().clean()
        if self.errors:
            return said
        asks = said["verdict"] == "ask"
        words = ("question", "asked") if asks else ("reason", "picked")
        said["words"] = next((said[name] for name in words if said[name]), "")
        if not said["words"]:
            raise forms.ValidationError(
                "Choose or write what the friend is asked."
                if asks
                else "Say why: the reason is kept with the decision."
            )
        return said


def queue(model_admin, request):
    """What waits on GET; a POST decides about the cases it names."""
    if not model_admin.has_act_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        is_done = _decide(model_admin, request)
        return redirect(_back(request, is_done))
    asked = LeastForm(request.GET)
    least = (asked.cleaned_data["least"] or 0) if asked.is_valid() else 0
    groups = review.queue(request.user, least, MOST)
    firsts = [group.cases[0].pk for group in groups]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": "Friends to look at",
        "tabs": programme.tabs(request, "reviewcase_queue"),
        "rows": list(zip(groups, [*firsts[1:], *firsts[:1]], strict=True)),
        "cases": [case for group in groups for case in group.cases],
        "least": least,
        "reasons": REASONS,
        "questions": QUESTIONS,
        "letter": emails.around_question(),
    }
    return TemplateResponse(request, "admin/referrals/reviewcase/queue.html", context)


def _decide(model_admin, request):
    """Do what was pressed and say what came of it; whether anything did."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        wrong = [error for errors in form.errors.values() for error in errors]
        messages.error(request, wrong[0])
        return False
    verdict, words = form.cleaned_data["verdict"], form.cleaned_data["words"]
    wanted = set(form.cleaned_data["cases"])
    cases = [each for each in form.found if each.pk in wanted]
    try:
        decided = _VERBS[verdict](cases, actor=request.user, reason=words)
    except review.AlreadyDecided as error:
        messages.warning(request, f"{error} Nothing was done by you.")
        return False
    except review.OwnAffair as error:
        for case in cases:
            model_admin.log_change(request, case, f"Refused: {error}")
        messages.error(request, str(error))
        return False
    # As they are now: the log keeps what it reads.
    for case in ReviewCase.objects.filter(pk__in=wanted):
        model_admin.log_change(request, case, f"{verdict.capitalize()}. {words}")
    if decided < len(cases):
        messages.warning(
            request, "Noted. Much is at stake, so another person has to say the same."
        )
    else:
        some = "1 friend" if decided == 1 else f"{decided} friends"
        messages.success(request, f"{some} {_DONE[verdict]}.")
    return True


def _back(request, is_done):
    """On to the next case, which takes the focus; to the same one if nothing was done.

    Whoever came from a case's own page goes back to it.
    """
    posted = request.POST
    first = posted.get("cases", "")
    if posted.get("back") == "case" and first.isdecimal():
        return change_url(ReviewCase, first)
    least = LeastForm(posted)
    kept = least.cleaned_data["least"] if least.is_valid() else None
    query = f"?least={kept}" if kept else ""
    case = posted.get("next", "") if is_done else posted.get("first", first)
    place = f"#case-{case}" if case.isdecimal() else ""
    return f"{reverse('admin:referrals_reviewcase_queue')}{query}{place}"
