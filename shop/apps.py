from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        from shop import checks  # noqa: F401  registers the boot checks


class StaffConfig(admin_apps.AdminConfig):
    """Django's admin, with our site as `admin.site`."""

    default = False  # "shop" alone means the shop
    default_site = "shop.staff.StaffSite"
