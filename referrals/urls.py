from django.urls import path, register_converter
from django.urls.converters import StringConverter

from referrals import views


class AnythingConverter(StringConverter):
    """Whatever stands after `/r/`: a mistyped invitation deserves an answer too."""

    regex = r"[\s\S]*"


register_converter(AnythingConverter, "anything")

app_name = "referrals"
urlpatterns = [
    path("r/<anything:code>", views.open_link, name="link"),
    path("ref/<anything:code>", views.open_link),
    path("referral/<anything:code>", views.open_link),
    path("account/invite/", views.invite, name="invite"),
    path("account/code/", views.enter_code, name="enter_code"),
    path("invitation/dismiss/", views.dismiss, name="dismiss"),
    path("invitation/keep/", views.keep, name="keep"),
]
