"""A browser without a screen: follows links, fills real forms, reloads what broke."""

import threading
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

# A shop that was killed is back in a few seconds, on a slow machine in a minute.
PATIENCE_SECONDS = 120


class Pulse:
    """Counts the answers that a whole crowd got: the clock of whoever kills."""

    def __init__(self):
        self.count = 0
        self.broken = 0
        self.errors = []
        self.closed = False
        self._changed = threading.Condition()

    def tick(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def note_broken(self) -> None:
        """A connection was refused, or broke before its answer came."""
        with self._changed:
            self.broken += 1

    def note_error(self, what: str) -> None:
        """A page said 5xx: being killed is no reason to."""
        with self._changed:
            self.errors.append(what)

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def wait_for(self, count: int) -> bool:
        """Until so many answers were given; False when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self.count >= count)
            return not self.closed


@dataclass
class Form:
    action: str
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Every form of a page, filled as a browser shows it."""

    def __init__(self, url):
        super().__init__()
        self.url = url
        self.found = []
        self._form = self._select = None

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        name, value = said.get("name"), said.get("value") or ""
        if tag == "form":
            action = urljoin(self.url, said.get("action") or "")
            self._form = Form(action, said.get("method", "get").lower())
            self.found.append(self._form)
        elif not self._form:
            return
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in said:
            self._form.fields[self._select] = value
        elif tag == "textarea" and name:
            self._form.fields[name] = ""
        elif tag == "input" and name:
            chosen = said.get("type") not in ("checkbox", "radio")
            if chosen or "checked" in said:
                self._form.fields[name] = value or ("" if chosen else "on")

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None


@dataclass(frozen=True)
class Page:
    url: str
    status: int
    text: str

    def form(self, *, to: str, has: str = "") -> Form:
        """The form that posts to an address with `to` in it and has that field."""
        form = self.find_form(to=to, has=has)
        assert form, f"{self.status}, no form to {to} at {self.url}"
        return form

    def find_form(self, *, to: str, has: str = "") -> Form | None:
        """As `form`, where there may be none."""
        forms = _Forms(self.url)
        forms.feed(self.text)
        for form in forms.found:
            fits = form.method == "post" and to in form.action
            if fits and (not has or has in form.fields):
                return form
        return None


class Browser:
    """One person's; `person` makes their network address."""

    def __init__(self, site: str, pulse: Pulse, person: int):
        self.site = site
        self.pulse = pulse
        self.http = requests.Session()
        self.http.trust_env = False
        address = f"10.0.{person // 250}.{person % 250 + 1}"
        self.http.headers["X-Forwarded-For"] = address

    def get(self, address: str) -> Page:
        return self._open("GET", urljoin(self.site, address))

    def submit(self, form: Form, **typed: str) -> Page:
        return self._open("POST", form.action, form.fields | typed)

    def _open(self, method, url, data=None):
        answer = self._ask(method, url, data)
        while answer.is_redirect:
            url = urljoin(url, answer.headers["Location"])
            answer = self._ask("GET", url)
        return Page(url, answer.status_code, answer.text)

    def _ask(self, method, url, data=None):
        """One answer; after a refused or broken connection the same is sent again."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                answer = self.http.request(
                    method, url, data=data, timeout=30, allow_redirects=False
                )
            except requests.RequestException:
                self.pulse.note_broken()
                time.sleep(0.1)
                continue
            if answer.status_code >= 500:
                self.pulse.note_error(f"{answer.status_code} {method} {url}")
            self.pulse.tick()
            return answer
        raise AssertionError(f"{method} {url} was not answered")
