import pytest

from accounts.models import User
from shop.kit.lines import isolated, one_line

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Anna\r\nBcc: x@y.example", "Anna Bcc: x@y.example"),
        ("Anna\u2028Lind\x85Berg", "Anna Lind Berg"),
        ("An\x00na\x1b[2J \x7f", "Anna[2J"),
        ("\u202egnA anna", "gnA anna"),
        ("  Anna   Lind ", "Anna Lind"),
        (
            "نور\u200cالدین 👩\u200d💻",
            "نور\u200cالدین 👩\u200d💻",
        ),  # these joiners spell
        ("", ""),
    ],
)
def test_what_people_write_is_one_line(written, kept):
    assert one_line(written) == kept
    assert one_line(kept) == kept


def test_no_way_into_the_database_keeps_a_line_break():
    made = User(email="anna@example.com", name="Anna\nLind")

    made.save()
    assert made.name == "Anna Lind"
    User.objects.update(name="Anna\r\nBerg")
    assert User.objects.get().name == "Anna Berg"
    User.objects.bulk_create([User(email="ben@example.com", name="Ben\tK")])
    assert User.objects.get(email="ben@example.com").name == "Ben K"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Anna L.", "Anna L."),
        ("Zoë 👩\u200d💻 3", "Zoë 👩\u200d💻 3"),
        ("נועה כ.", "\u2068נועה כ.\u2069"),
        ("Anna نور", "\u2068Anna نور\u2069"),
        ("", ""),
    ],
)
def test_a_name_from_right_to_left_turns_nothing_around_it(name, shown):
    assert isolated(name) == shown
    assert one_line(isolated(name)) == name
