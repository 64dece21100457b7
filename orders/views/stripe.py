from django.http import HttpResponse, HttpResponseBadRequest
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orders import webhooks


@csrf_exempt
@require_POST
def stripe_webhook(request):
    """Where Stripe delivers events: signed bodies only, read raw, answered at once."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = webhooks.MOST_BYTES + 1
    if length > webhooks.MOST_BYTES:
        return HttpResponseBadRequest("Too large.")
    try:
        webhooks.receive(request.body, request.headers.get("Stripe-Signature", ""))
    except webhooks.NotFromStripe:
        return HttpResponseBadRequest("Not signed by Stripe.")
    return HttpResponse("Thank you.")
