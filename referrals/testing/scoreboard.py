"""The 58 ways to cheat that the programme is drilled against, and how each has ended.

A script is any number of tests of any app with its number in their name, such as
`test_abuse_07_…`; it held if all of them did. Each shows that the page or the order
goes on working, and that what was refused is kept with its reason. Where nothing is to
be kept, no reason is either:

- 1, 2, 4, 7, 16, 17, 19 to 25: what is no person's click, or is no part of a click,
  leaves no row at all; previews and late clicks are counted by their day.
- 5, 8, 12: a cookie or a click that is none of ours brings nobody, so that there is no
  friendship to give a reason for; a click that came second is a claim that lost.
- 13 to 15: who tries codes is counted in the cache, for an hour; a wish is no row.
- 18: one's own code is told at once, and kept as a claim that lost.
- 26, 43, 48: a form, a quantity or a message that is not ours is answered by its
  status alone.
- 54: an address that may not be written to is not kept, nor why.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

HELD, BROKEN, MISSING = "held", "broken", "missing"
# Said of a test by the drill, in the place of a reason to skip it.
NEEDS_POSTGRES = "needs PostgreSQL"

TITLES = [
    "An image on a forum that opens a link",
    "A hidden frame that opens a link",
    "A window behind the window",
    "A code smuggled into a harmless address",
    "A cookie made by hand",
    "A cookie copied from somebody else",
    "A session fixed before somebody signs in",
    "An old customer who opens a link",
    "An old customer who comes back as a new one",
    "A coupon site that claims the sale at checkout",
    "Two inviters for one friend at once",
    "A link opened beside the sign-up form",
    "Trying codes one after the other",
    "Codes that follow from something known",
    "Names and brands taken as codes",
    "Previews of messengers that count as people",
    "Pages fetched ahead that count as people",
    "Invisible and look-alike letters in a code",
    "A link that leads to another site",
    "A link whose stored destination is elsewhere",
    "A link that leads to itself",
    "Script in names, labels and addresses",
    "A cookie that breaks every page",
    "A flood of clicks with made-up codes",
    "Headers of ten kilobytes",
    "Forms sent from another site",
    "Oneself under a second address",
    "One mailbox under many spellings",
    "One card under two names",
    "A card hidden behind a telephone's wallet",
    "A whole household",
    "A ring of friends",
    "Fifty accounts of throw-away mail",
    "An old customer who buys as a guest",
    "An account taken over for its balance",
    "A refund after the reward",
    "A cancellation the day after the waiting time",
    "A refund to below the minimum",
    "Refunds in drips",
    "A dispute after the reward",
    "Credit that earns credit",
    "An order that costs nothing",
    "Quantities that bend the sum",
    "Buying much, returning all but the cheapest",
    "One order split into many",
    "News from Stripe twice and in disorder",
    "News from Stripe to two workers at once",
    "News from Stripe that somebody forged",
    "A thank-you page opened without paying",
    "One balance spent twice",
    "Staff who press twice, or both at once",
    "An account closed to escape a debt",
    "Spam sent as invitations",
    "Invitations that tell who is a customer",
    "A name as an insult",
    "A leaderboard farmed, or used to find people",
    "Staff who credit themselves",
    "A budget drained by a bug or an attack",
]

_NUMBER = re.compile(r"test_(?:\w+_)?abuse_(\d+)_")


@dataclass(frozen=True)
class Line:
    """One script: its number, what it tries, how it ended and the tests that broke.

    `waiting` are tests of it that were not played, for want of PostgreSQL.
    """

    number: int
    title: str
    state: str
    broken: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    def __str__(self):
        more = "; its race needs PostgreSQL" if self.waiting else ""
        return f"{self.number:2}  {self.state:<8}{self.title}{more}"


def number_of(name: str) -> int | None:
    """Which script a test belongs to, by its name; None if it is no script."""
    found = _NUMBER.match(name)
    return int(found[1]) if found else None


def read(report: Path) -> list[Line]:
    """All 58 from a report in JUnit's format. A test that was skipped shows nothing."""
    tests = list(_tests(report))
    return [
        Line(number, title, *_ended([test for test in tests if test[0] == number]))
        for number, title in enumerate(TITLES, 1)
    ]


def _tests(report) -> Iterator[tuple[int, str, str]]:
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("name", "")
        number = number_of(name)
        results = {each.tag: each.get("message", "") for each in case}
        if number is None:
            continue
        if "skipped" not in results:
            is_broken = results.keys() & {"failure", "error"}
            yield number, name, BROKEN if is_broken else HELD
        elif results["skipped"] == NEEDS_POSTGRES:
            yield number, name, NEEDS_POSTGRES


def _ended(tests):
    states = {state for _, _, state in tests}
    broken, waiting = (
        tuple(name for _, name, state in tests if state == wanted)
        for wanted in (BROKEN, NEEDS_POSTGRES)
    )
    state = BROKEN if broken else HELD if HELD in states else MISSING
    return state, broken, waiting
