from django.http import HttpResponse
from django.urls import path

app_name = "referrals"
urlpatterns = [
    path("account/invite/", lambda request: HttpResponse("soon"), name="invite"),
    path("invitation/dismiss/", lambda request: HttpResponse("soon"), name="dismiss"),
]
