"""Mounted at `/sandbox/` by the development and test settings only."""

from django.urls import path

from . import views

app_name = "sandbox"

urlpatterns = [
    path("stripe", views.stripe, {"path": ""}),
    path("stripe/", views.stripe, {"path": ""}, name="stripe_home"),
    path("stripe/<path:path>", views.stripe, name="stripe"),
    path("mail/", views.mail_list, name="mail"),
    path("mail/<int:mail_id>/", views.mail_message, name="mail_message"),
    path("mail/<int:mail_id>/html", views.mail_html, name="mail_html"),
]
