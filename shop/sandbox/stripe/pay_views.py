"""The HTML of the payment page."""

from html import escape
from typing import Any

from shop.sandbox import html
from shop.sandbox.config import Config

from . import amounts, debits, sessions
from .cards import CARDS, TestCard
from .pay_form import PayForm

QUICK = ("4242424242424242", "4000002500003155", "4000000000000002")
LABELS = {
    "email": "Email",
    "number": "Card number",
    "expiry": "Expiry",
    "cvc": "Security code",
    "name": "Name on card",
}
ATTRIBUTES = {
    "email": 'type="email" autocomplete="email"',
    "number": 'inputmode="numeric" autocomplete="off" placeholder="1234 1234 …"',
    "expiry": 'inputmode="numeric" autocomplete="off" placeholder="MM / YY"',
    "cvc": 'inputmode="numeric" autocomplete="off" placeholder="123" maxlength="4"',
    "name": 'autocomplete="name"',
}


def checkout(
    config: Config, session: dict[str, Any], lines: list[dict[str, Any]], form: PayForm
) -> bytes:
    """Order summary left, card form right; one below the other on a phone."""
    total = amounts.shown(session["amount_total"], session["currency"])
    main = f"""<div class="checkout">
{_summary(config, session, lines, total)}
{_payment(session, form, total)}
</div>"""
    return _document(config, f"Pay {config.shop_name} {total}", main)


def challenge(config: Config, session: dict[str, Any], total: str, last4: str) -> bytes:
    """The bank's question: did you really want this?"""
    main = f"""<section class="panel narrow" aria-labelledby="title">
<p class="eyebrow">3-D Secure test page</p>
<h1 id="title">Confirm it is you</h1>
<p>Your bank would ask for a code or a fingerprint here. In test mode you choose how
it ends.</p>
<dl class="facts">
<div><dt>Merchant</dt><dd>{escape(config.shop_name)}</dd></div>
<div><dt>Amount</dt><dd>{escape(total)}</dd></div>
<div><dt>Card</dt><dd>ending in {escape(last4)}</dd></div>
</dl>
<form method="post" class="choices">
<button class="button" name="outcome" value="complete">Complete</button>
<button class="button quiet" name="outcome" value="fail">Fail</button>
</form>
</section>"""
    return _document(config, "3-D Secure", main)


def closed(config: Config, session: dict[str, Any]) -> bytes:
    """A session that was paid or has expired; a way back to the shop."""
    if session["status"] == "complete":
        heading, text = "This payment is done", "You do not need to pay again."
        url, label = sessions.success_url(session), "See your order"
    else:
        heading = "This payment page has expired"
        text = "Nothing was charged. Go back to the shop to start again."
        url, label = session["cancel_url"], f"Back to {config.shop_name}"
    way = (
        f'<p><a class="button" href="{escape(url)}">{escape(label)}</a></p>'
        if url
        else ""
    )
    return _message(config, heading, text, way)


def unknown(config: Config) -> bytes:
    """No such session."""
    return _message(
        config, "No such payment page", "Check the address, or start again.", ""
    )


def _document(config: Config, title: str, main: str) -> bytes:
    return html.document(
        title=title,
        main=main,
        stylesheet=f"{config.base_path}/sandbox.css",
        look="pay",
    )


def _message(config: Config, heading: str, text: str, way: str) -> bytes:
    main = f"""<section class="panel narrow">
<h1>{escape(heading)}</h1>
<p>{escape(text)}</p>
{way}
</section>"""
    return _document(config, heading, main)


def _summary(config, session, lines, total: str) -> str:
    back = ""
    if session["cancel_url"]:
        back = (
            f'<a class="back" href="{escape(session["cancel_url"])}">'
            f'<span aria-hidden="true">←</span> Back to {escape(config.shop_name)}</a>'
        )
    currency = session["currency"]
    rows = "\n".join(_line(line) for line in lines)
    sums = ""
    shipping = session["total_details"]["amount_shipping"]
    discount = session["total_details"]["amount_discount"]
    if session["shipping_cost"] or discount:
        sums = _sum("Subtotal", amounts.shown(session["amount_subtotal"], currency))
    if discount:
        sums += _sum("Discount", f"−{amounts.shown(discount, currency)}")
    if session["shipping_cost"]:
        sums += _sum("Shipping", amounts.shown(shipping, currency))
    return f"""<section class="summary" aria-label="Order summary">
{back}
<h1><span>Pay {escape(config.shop_name)}</span> <strong>{escape(total)}</strong></h1>
<ul class="lines">
{rows}
</ul>
<dl class="sums">
{sums}
<div class="total"><dt>Total due</dt><dd>{escape(total)}</dd></div>
</dl>
</section>"""


def _sum(name: str, amount: str) -> str:
    return f"<div><dt>{name}</dt><dd>{escape(amount)}</dd></div>\n"


def _line(line: dict[str, Any]) -> str:
    currency = line["currency"]
    each = ""
    if line["quantity"] > 1:
        price = amounts.shown(line["price"]["unit_amount"], currency)
        each = f"<small>{line['quantity']} × {escape(price)}</small>"
    amount = amounts.shown(line["amount_subtotal"], currency)
    what = f"<span>{escape(line['description'])}{each}</span>"
    return f"<li>{what}<span>{escape(amount)}</span></li>"


def _payment(session: dict[str, Any], form: PayForm, total: str) -> str:
    known = sessions.known_email(session)
    email = "" if known else _field(form, "email")
    paying_as = ""
    if known:
        address = escape(known)
        paying_as = f'<p class="paying-as"><span>Email</span> {address}</p>'
    picker, button = "", f'<button class="button">Pay {escape(total)}</button>'
    if not session["amount_total"]:
        fields, button = email, '<button class="button">Complete order</button>'
    elif "card" in session["payment_method_types"]:
        picker, fields = _picker(form), f"{email}\n{_card_fields(form)}"
    else:
        fields, button = f"{email}\n{_field(form, 'name')}", ""
    return f"""<section class="panel" aria-labelledby="pay-title">
<h2 id="pay-title">Payment details</h2>
{_errors(form)}
{picker}
<form method="post" action="?" novalidate>
{paying_as}
{fields}
{button}
{_debit(session)}
</form>
<p class="fine">This page stands in for Stripe. Only test cards work, and numbers are
never stored.</p>
</section>"""


def _card_fields(form: PayForm) -> str:
    return f"""{_field(form, "number")}
<div class="pair">
{_field(form, "expiry")}
{_field(form, "cvc")}
</div>
{_field(form, "name")}"""


def _debit(session: dict[str, Any]) -> str:
    if not session["amount_total"] or not debits.method_of(session):
        return ""
    return """<fieldset class="debit">
<legend>Bank debit (delayed)</legend>
<p>The order is complete at once; the money comes, or fails to come, four days later.
Both can be hurried in the dashboard.</p>
<button class="button quiet" name="debit" value="arrives">Pay by bank debit</button>
<button class="button quiet" name="debit" value="fails">A debit that fails</button>
</fieldset>"""


def _errors(form: PayForm) -> str:
    if not form.errors:
        return ""
    items = "\n".join(
        f'<li><a href="#{name}">{escape(message)}</a></li>'
        if name
        else f"<li>{escape(message)}</li>"
        for name, message in form.errors.items()
    )
    heading = (
        "The payment did not go through" if "" in form.errors else "Check these fields"
    )
    return f"""<div class="errors" role="alert" tabindex="-1" autofocus>
<h3>{heading}</h3>
<ul>
{items}
</ul>
</div>"""


def _field(form: PayForm, name: str) -> str:
    error = form.errors.get(name)
    described, message = "", ""
    if error:
        described = f' aria-invalid="true" aria-describedby="{name}-error"'
        message = f'<p class="error" id="{name}-error">{escape(error)}</p>'
    value = escape(form.values[name])
    return f"""<div class="field">
<label for="{name}">{LABELS[name]}</label>
<input id="{name}" name="{name}" value="{value}" required {ATTRIBUTES[name]}{described}>
{message}
</div>"""


def _picker(form: PayForm) -> str:
    chosen = form.values["number"].replace(" ", "")
    quick = "\n".join(_pick(CARDS[number], chosen) for number in QUICK)
    others = "\n".join(
        _pick(card, chosen) for card in CARDS.values() if card.number not in QUICK
    )
    opened = " open" if chosen in CARDS and chosen not in QUICK else ""
    return f"""<nav class="picker" aria-label="Test cards">
<p>Pick a test card</p>
<ul>
{quick}
</ul>
<details{opened}>
<summary>More test cards</summary>
<ul>
{others}
</ul>
</details>
</nav>"""


def _pick(card: TestCard, chosen: str) -> str:
    current = ' aria-current="true"' if card.number == chosen else ""
    return (
        f'<li><a href="?card={card.number}#number"{current}>'
        f"<span>{escape(card.label)}</span> <code>{card.spaced}</code></a></li>"
    )
