"""The proofs of the books, with a button for each safe repair."""

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.views.decorators.http import require_POST

from shop.kit import books
from shop.kit.models import BookProof
from shop.kit.staff import ReadOnlyAdmin, change_url, list_url


@admin.register(BookProof)
class BookProofAdmin(ReadOnlyAdmin):
    """What each proof found; every row that does not add up, with its safe repair."""

    list_display = ["proved_on", "mismatch_count", "asked_outside", "finished_at"]
    list_filter = ["asked_outside", "started_at"]
    ordering = ["-pk"]
    fields = ["started_at", "finished_at", "asked_outside", "mismatch_count"]

    @admin.display(description="Proof", ordering="started_at")
    def proved_on(self, proof):
        return str(proof)

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        opened = getattr(request.resolver_match, "url_name", "").endswith("_change")
        return rows if opened else rows.defer("counts", "mismatches")

    def get_urls(self):
        mend = self.admin_site.admin_view(require_POST(self.mend))
        again = self.admin_site.admin_view(require_POST(self.again))
        return [
            path("again/", again, name="kit_bookproof_again"),
            path("<int:pk>/mend/", mend, name="kit_bookproof_mend"),
            *super().get_urls(),
        ]

    def change_view(self, request, object_id, form_url="", extra_context=None):
        proof = self.get_object(request, object_id)
        may_act = self.has_act_permission(request)
        shown = {"checked": _checked(proof), "may_act": may_act} if proof else {}
        return super().change_view(request, object_id, form_url, shown)

    def mend(self, request, pk):
        """Press the repair of one row; what it said is told and logged."""
        proof = self._of_act(request, pk)
        try:
            mismatch = proof.mismatches[int(request.POST.get("mismatch", ""))]
            said = books.mend(mismatch)
        except (ValueError, LookupError):
            raise Http404("No such row, or no repair for it.") from None
        except (ObjectDoesNotExist, IntegrityError) as error:
            self.message_user(request, f"Not repaired: {error}", messages.ERROR)
        else:
            self.log_change(request, proof, f"Repaired {mismatch['rule']}: {said}")
            self.message_user(request, said, messages.SUCCESS)
        return redirect(change_url(BookProof, pk))

    def again(self, request):
        """Let the worker prove the books now."""
        self._of_act(request)
        books.prove_nightly.enqueue()
        self.message_user(request, "The books are being proved; reload in a minute.")
        return redirect(list_url(BookProof))

    def _of_act(self, request, pk=None):
        if not self.has_act_permission(request):
            raise PermissionDenied
        return get_object_or_404(BookProof, pk=pk) if pk else None


def _checked(proof):
    """Each rule of a proof with its count, and the rows it names."""
    known = books.rules()
    found = {}
    for place, mismatch in enumerate(proof.mismatches):
        found.setdefault(mismatch["rule"], []).append((place, mismatch))
    return [
        {
            "says": known[name].says if name in known else name,
            "count": count,
            "rows": [
                {**mismatch, "place": place, "url": _page_of(known.get(name), mismatch)}
                for place, mismatch in found.get(name, [])
            ],
            "repair": known[name].repair if name in known else None,
        }
        for name, count in proof.counts.items()
    ]


def _page_of(rule, mismatch):
    """A row of ours has a page; an id of somebody else's has none."""
    is_ours = rule and isinstance(mismatch["id"], int)
    if not is_ours or rule.model not in admin.site._registry:
        return ""
    return change_url(rule.model, mismatch["id"])
