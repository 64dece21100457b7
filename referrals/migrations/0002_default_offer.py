from django.conf import settings
from django.db import migrations

from shop.kit.currencies import about

NAME = "Friends"


def open_offer(apps, schema_editor):
    campaign, made = apps.get_model("referrals", "Campaign").objects.get_or_create(
        name=NAME, defaults={"is_default": True}
    )
    if made:
        # The days are the model's own defaults: 30 to join, 90 to buy, 14 to wait.
        apps.get_model("referrals", "Terms").objects.create(
            campaign=campaign,
            number=1,
            currency=settings.SHOP_CURRENCY,
            # Five and twenty dollars, or about that; staff publish what they mean.
            inviter_amount=about(500, settings.SHOP_CURRENCY),
            friend_amount=about(500, settings.SHOP_CURRENCY),
            minimum_amount=about(2000, settings.SHOP_CURRENCY),
        )


def close_offer(apps, schema_editor):
    """Backwards the tables go next, and what was built on the offer goes with them."""


class Migration(migrations.Migration):
    dependencies = [("referrals", "0001_initial")]
    operations = [migrations.RunPython(open_offer, close_offer)]
