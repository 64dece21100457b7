from django.urls import path

from catalog import views

app_name = "catalog"

urlpatterns = [
    path("new/", views.new, name="new"),
    path("search/", views.search, name="search"),
    path("c/<path:path>/", views.category, name="category"),
    path("p/<slug:slug>/", views.product, name="product"),
]
