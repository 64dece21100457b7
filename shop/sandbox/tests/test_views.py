"""The sandbox as the shop's own server mounts it."""

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.management import call_command
from django.test import Client, override_settings

from shop.sandbox import conf, mailbox
from shop.sandbox.mail_pages import framed, linked

pytestmark = pytest.mark.urls("shop.sandbox.tests.urls")


@pytest.fixture(autouse=True)
def mounted(tmp_path, settings):
    settings.SANDBOX_DB = str(tmp_path / "sandbox.sqlite3")
    settings.SANDBOX_WEBHOOK_URL = ""
    settings.SITE_URL = "http://localhost:8000"
    settings.STRIPE_API_BASE = "http://localhost:8000/sandbox/stripe"
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    settings.SANDBOX_ALLOW_REMOTE = False


@pytest.fixture
def browser():
    return Client(enforce_csrf_checks=True)


def send(**changes):
    message = EmailMultiAlternatives(
        changes.get("subject", "Your code"),
        changes.get("text", "Your code is 204816. See http://localhost:8000/account/."),
        "shop@tandem.test",
        [changes.get("to", "grace@example.com")],
        bcc=["archive@tandem.test"],
        connection=get_connection("shop.sandbox.mailbox.EmailBackend"),
    )
    message.attach_alternative("<p>Your code is <b>204816</b></p>", "text/html")
    return message.send()


def test_the_first_webhook_secret_signs():
    assert conf.from_settings().webhook_secret == "whsec_new"


def test_the_api_is_mounted(browser):
    reply = browser.post(
        "/sandbox/stripe/v1/checkout/sessions",
        {"mode": "payment"},
        headers={"Authorization": "Bearer sk_test_sandbox_x"},
    )

    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"
    assert reply["X-Tandem-Sandbox"] == "1"


@pytest.mark.parametrize(
    "path", ["stripe/", "stripe/health", "stripe/v1/events", "mail/"]
)
def test_another_machine_is_refused(browser, path):
    reply = browser.get(f"/sandbox/{path}", REMOTE_ADDR="192.0.2.7")

    assert reply.status_code == 403


def test_another_machine_may_be_allowed(browser):
    with override_settings(SANDBOX_ALLOW_REMOTE=True):
        reply = browser.get("/sandbox/stripe/", REMOTE_ADDR="192.0.2.7")

    assert reply.status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_served(browser, address):
    assert browser.get("/sandbox/stripe/", REMOTE_ADDR=address).status_code == 200


def test_a_round_of_deliveries_can_be_run_by_cron(capsys):
    call_command("stripe_sandbox_deliver")

    assert capsys.readouterr().out == "0 sent\n"


def test_mail_is_kept_and_its_code_seen_at_a_glance(browser):
    assert send() == 1

    page = browser.get("/sandbox/mail/").content.decode()

    assert "grace@example.com, archive@tandem.test" in page
    assert '<span class="code">204816</span>' in page


def test_mail_is_found_by_recipient(browser):
    send(subject="For Grace")
    send(subject="For Linus", to="linus@example.com")

    page = browser.get("/sandbox/mail/?to=LINUS").content.decode()

    assert "For Linus" in page
    assert "For Grace" not in page


def test_a_message_shows_text_with_links_html_apart_and_headers(browser):
    send()
    (kept,) = mailbox.messages(conf.from_settings().path)

    page = browser.get(f"/sandbox/mail/{kept['id']}/").content.decode()
    apart = browser.get(f"/sandbox/mail/{kept['id']}/html")

    assert '<a href="http://localhost:8000/account/">' in page
    assert "Message-ID: &lt;" in page
    assert "archive@tandem.test" not in page.partition("<pre>")[2]
    assert (
        apart.content == b'<base target="_top">' + b"<p>Your code is <b>204816</b></p>"
    )
    assert apart["Content-Security-Policy"].startswith("sandbox ")
    assert apart["X-Frame-Options"] == "SAMEORIGIN"


def test_an_unknown_message_is_not_found(browser):
    assert browser.get("/sandbox/mail/99/").status_code == 404
    assert browser.get("/sandbox/mail/99/html").status_code == 404
    assert browser.get(f"/sandbox/mail/{'9' * 30}/").status_code == 404


def test_links_in_a_framed_mail_lead_out_of_the_frame():
    assert framed("<!doctype html><head><title>x") == (
        '<!doctype html><head><base target="_top"><title>x'
    )


def test_markup_in_mail_stays_text():
    assert linked('<b> "http://x.test/?a=1&b=2".') == (
        '&lt;b&gt; &quot;<a href="http://x.test/?a=1&amp;b=2">http://x.test/?a=1&amp;b=2</a>&quot;.'
    )
