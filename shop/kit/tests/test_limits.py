from shop.kit import limits


def test_tries_beyond_the_limit_are_refused_until_the_window_ends(time_machine):
    time_machine.move_to("2026-03-01T12:00:00Z", tick=False)
    tries = [limits.allow("claim", "1.2.3.4", limit=3, seconds=60) for _ in range(5)]
    assert tries == [True, True, True, False, False]

    time_machine.move_to("2026-03-01T12:01:00Z", tick=False)
    assert limits.allow("claim", "1.2.3.4", limit=3, seconds=60)


def test_one_person_uses_up_nobody_elses_tries():
    assert limits.allow("claim", "1.2.3.4", limit=1, seconds=60)
    assert limits.allow("claim", "5.6.7.8", limit=1, seconds=60)
    assert limits.allow("search", "1.2.3.4", limit=1, seconds=60)
    assert not limits.allow("claim", "1.2.3.4", limit=1, seconds=60)
