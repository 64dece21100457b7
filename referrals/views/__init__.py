"""Pages of the programme, by who opens them: a friend who comes in, a member."""

from referrals.views.baskets import basket, share_basket
from referrals.views.board import board_page, join_board, leave_board
from referrals.views.cards import cards_page, print_cards
from referrals.views.entry import dismiss, enter_code, keep, open_link
from referrals.views.invite import friend, invite, rules
from referrals.views.links import add, choose, end, links_page, qr, rotate, share_item
from referrals.views.mail import mail, stop_mail
from referrals.views.names import name, report_name
from referrals.views.news import ask_later, choose_mails, news, read

__all__ = [
    "add",
    "ask_later",
    "basket",
    "board_page",
    "cards_page",
    "choose",
    "choose_mails",
    "dismiss",
    "end",
    "enter_code",
    "friend",
    "invite",
    "join_board",
    "keep",
    "leave_board",
    "links_page",
    "mail",
    "name",
    "news",
    "open_link",
    "print_cards",
    "qr",
    "read",
    "report_name",
    "rotate",
    "rules",
    "share_basket",
    "share_item",
    "stop_mail",
]
