from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and balances"

    def ready(self):
        from accounts import expiry  # noqa: F401  its job joins the schedule
