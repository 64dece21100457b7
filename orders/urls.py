from django.urls import path

from orders import views

app_name = "orders"

urlpatterns = [
    path("cart/", views.cart, name="cart"),
    path("cart/add/", views.add_to_cart, name="add"),
    path("cart/change/", views.change_cart, name="change"),
    path("checkout/", views.checkout, name="checkout"),
    path("checkout/return/", views.checkout_return, name="return"),
    path("orders/find/", views.find_order, name="find"),
    path("orders/<str:code>/", views.order, name="order"),
    path("orders/<str:code>/pay/", views.pay, name="pay"),
    path("orders/<str:code>/cancel/", views.cancel, name="cancel"),
]
