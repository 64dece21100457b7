from django.apps import AppConfig
from django.core.checks import register


class ReferralsConfig(AppConfig):
    name = "referrals"

    def ready(self):
        from referrals import checks, receivers

        receivers.connect()
        register(checks.plugins_exist)
