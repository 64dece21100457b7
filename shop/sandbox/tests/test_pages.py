import pytest

from .factories import line, plain_params, session_params


@pytest.fixture
def session(client):
    return client.v1.checkout.sessions.create(session_params())


def test_the_payment_page_shows_what_is_paid(sandbox, session):
    page = sandbox.get(f"/pay/{session.id}").body.decode()

    assert "<h1><span>Pay Tandem</span> <strong>$57.00</strong></h1>" in page
    assert '<button class="button">Pay $57.00</button>' in page
    assert "2 × $22.00" in page
    assert "grace@example.com" in page
    assert 'href="https://shop.test/cart"' in page
    assert "No real money moves" in page


def test_a_picked_test_card_fills_the_form(sandbox, session):
    page = sandbox.get(f"/pay/{session.id}?card=378282246310005").body.decode()

    assert 'value="3782 822463 10005"' in page
    assert 'value="1234"' in page
    assert page.count('aria-current="true"') == 1


def test_the_page_may_lead_only_to_itself_and_the_shop(sandbox, session):
    headers = sandbox.get(f"/pay/{session.id}").headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://shop.test;" in policy
    assert "unsafe" not in policy
    assert headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "Set-Cookie" not in headers


def test_names_of_goods_are_text_and_never_markup(client, sandbox):
    params = plain_params(line(name="<script>alert(1)</script>"))
    session = client.v1.checkout.sessions.create(params)

    page = sandbox.get(f"/pay/{session.id}").body

    assert b"<script" not in page


def test_an_expired_page_leads_back_to_the_cart(sandbox, session):
    sandbox.expire(session.id)

    reply = sandbox.get(f"/pay/{session.id}")

    assert reply.status == 410
    assert b"has expired" in reply.body
    assert b"https://shop.test/cart" in reply.body


def test_a_paid_page_leads_to_the_order(sandbox, session):
    sandbox.pay(session.id)

    reply = sandbox.get(f"/pay/{session.id}")

    assert reply.status == 200
    assert b"This payment is done" in reply.body


def test_without_an_email_the_page_asks_for_one(client, sandbox):
    session = client.v1.checkout.sessions.create(plain_params())

    sandbox.pay(session.id, email="linus@example.com")

    paid = client.v1.checkout.sessions.retrieve(session.id)
    assert paid.customer_details.email == "linus@example.com"


def test_the_dashboard_tells_what_happened(sandbox, session):
    sandbox.pay(session.id)

    page = sandbox.get("/").body.decode()

    assert "checkout.session.completed" in page
    assert "T-1007" in page
    assert 'class="state complete"' in page


def test_deliveries_can_be_held_from_the_dashboard(sandbox):
    reply = sandbox.post("/deliveries/hold", {"held": "1"})

    assert (reply.status, reply.headers["Location"]) == (303, "/sandbox/stripe/")


def test_the_stylesheet_is_served(sandbox):
    reply = sandbox.get("/sandbox.css")

    assert (reply.status, reply.headers["Content-Type"]) == (
        200,
        "text/css; charset=utf-8",
    )
