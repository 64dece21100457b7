from django.urls import include, path

urlpatterns = [path("sandbox/", include("shop.sandbox.urls"))]
