from django.urls import path, register_converter
from django.urls.converters import StringConverter

from referrals import destinations, views


class AnythingConverter(StringConverter):
    """Whatever stands after `/r/`: a mistyped invitation deserves an answer too."""

    regex = r"[\s\S]*"


class QrConverter(StringConverter):
    regex = "svg|png"


register_converter(AnythingConverter, "anything")
register_converter(QrConverter, "qr_form")

app_name = "referrals"
urlpatterns = [
    path("r/<anything:code>", views.open_link, name="link"),
    *(
        path(f"{word}/<anything:code>", views.open_link)
        for word in destinations.ENTRY_WORDS[1:]
    ),
    path("account/invite/", views.invite, name="invite"),
    path("account/invite/friends/<int:pk>/", views.friend, name="friend"),
    path("account/invite/links/", views.links_page, name="links"),
    path("account/invite/links/add/", views.add, name="add_link"),
    path("account/invite/links/item/", views.share_item, name="share_item"),
    path("account/invite/links/<int:pk>/code/", views.choose, name="choose_code"),
    path("account/invite/links/<int:pk>/renew/", views.rotate, name="rotate_link"),
    path("account/invite/links/<int:pk>/end/", views.end, name="end_link"),
    path("account/invite/links/<int:pk>/qr.<qr_form:form>", views.qr, name="qr"),
    path("account/invite/cards/", views.cards_page, name="cards"),
    path("account/invite/cards/print/", views.print_cards, name="print_cards"),
    path("account/invite/news/", views.news, name="news"),
    path("account/invite/news/read/", views.read, name="read_news"),
    path("account/invite/news/later/", views.ask_later, name="ask_later"),
    path("account/invite/news/mails/", views.choose_mails, name="choose_mails"),
    path("account/invite/board/", views.board_page, name="board"),
    path("account/invite/board/join/", views.join_board, name="join_board"),
    path("account/invite/board/leave/", views.leave_board, name="leave_board"),
    path("account/invite/name/", views.name, name="name"),
    path("name/report/<str:token>/", views.report_name, name="report_name"),
    path("shared-cart/", views.share_basket, name="share_basket"),
    path("shared-cart/<str:token>/", views.basket, name="basket"),
    path("account/invite/mail/", views.mail, name="mail"),
    path("invitation/stop/<str:token>/", views.stop_mail, name="stop_mail"),
    path("invitation/rules/", views.rules, name="rules"),
    path("account/code/", views.enter_code, name="enter_code"),
    path("invitation/dismiss/", views.dismiss, name="dismiss"),
    path("invitation/keep/", views.keep, name="keep"),
]
