from django.conf import settings


def site(request):
    """What every page may say about the shop itself."""
    return {
        "shop_name": settings.SHOP_NAME,
        "site_url": settings.SITE_URL,
        "support_email": settings.SUPPORT_EMAIL,
        "currency": settings.SHOP_CURRENCY,
        "sandbox_mail_url": "/sandbox/mail/" if settings.SANDBOX else "",
    }
