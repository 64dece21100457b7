"""A passkey made of software: what a browser and its device do, for tests."""

import json
import re
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import (
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

FLAG = AuthenticatorData.FLAG
_NO_MAKER = bytes(16)


class SoftwareKey:
    """One device with one passkey, opened by its owner's finger.

    `origin` is where its browser believes to be, `seen` whether the finger was there.
    """

    def __init__(self, origin: str = settings.SITE_URL, *, seen: bool = True):
        self.origin, self.seen = origin, seen
        self.id = secrets.token_bytes(16)
        self.user_handle = ""
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, page) -> dict:
        """Answer a page that asks for a new passkey."""
        asked = _asked(page)["creation_options"]["publicKey"]
        self.user_handle = asked["user"]["id"]
        public = ES256.from_cryptography_key(self._key.public_key())
        data = AuthenticatorData.create(
            sha256(asked["rp"]["id"].encode()),
            self._flags() | FLAG.AT,
            counter=0,
            credential_data=AttestedCredentialData.create(_NO_MAKER, self.id, public),
        )
        client = self._client(CollectedClientData.TYPE.CREATE, asked["challenge"])
        made = AttestationObject.create("none", data, {})
        is_resident = asked["authenticatorSelection"]["residentKey"] == "required"
        return self._credential(
            {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(made),
            },
            {"credProps": {"rk": is_resident}},
        )

    def sign(self, page) -> dict:
        """Answer a page, or the JSON, that asks for a signature."""
        asked = _asked(page)["request_options"]["publicKey"]
        data = AuthenticatorData.create(
            sha256(asked["rpId"].encode()), self._flags(), counter=0
        )
        client = self._client(CollectedClientData.TYPE.GET, asked["challenge"])
        signature = self._key.sign(data + client.hash, ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
                "userHandle": self.user_handle,
            },
            {},
        )

    def _flags(self):
        return FLAG.UP | FLAG.UV if self.seen else FLAG.UP

    def _client(self, type_, challenge):
        return CollectedClientData.create(type_, challenge, self.origin)

    def _credential(self, response, results):
        raw_id = websafe_encode(self.id)
        return {
            "type": "public-key",
            "id": raw_id,
            "rawId": raw_id,
            "response": response,
            "clientExtensionResults": results,
        }


# What people do with one


def sign_up_form(client, email, **fields):
    """The first page: everything but the passkey, which comes once the code is in."""
    return client.post(
        "/accounts/signup/passkey/", {"name": "Bo Ek", "email": email, **fields}
    )


def type_code(client, mailoutbox):
    code = re.search(r"\b\d{6}\b", mailoutbox[-1].body)[0]
    return client.post("/accounts/confirm-email/", {"code": code})


def make_passkey(client, key: SoftwareKey, name: str = "Phone"):
    """The last page of a sign-up by passkey."""
    page = client.get("/accounts/2fa/webauthn/signup/")
    form = {"name": name, "credential": json.dumps(key.make(page))}
    return client.post("/accounts/2fa/webauthn/signup/", form)


def join(client, mailoutbox, email="bo@example.com", **fields) -> SoftwareKey:
    """A member who has a passkey and nothing else."""
    key = SoftwareKey()
    sign_up_form(client, email, **fields)
    type_code(client, mailoutbox)
    make_passkey(client, key)
    return key


def sign_in(client, key: SoftwareKey):
    asked = client.get(
        "/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"}
    )
    form = {"credential": json.dumps(key.sign(asked))}
    return client.post("/accounts/2fa/webauthn/login/", form)


def add_passkey(client, key: SoftwareKey, name: str = "Laptop", **fields):
    """In the account, once it was proved who asks."""
    page = client.get("/accounts/2fa/webauthn/add/")
    form = {"name": name, "credential": json.dumps(key.make(page)), **fields}
    return client.post("/accounts/2fa/webauthn/add/", form)


def prove(
    client, key: SoftwareKey, way: str = "/accounts/2fa/webauthn/reauthenticate/"
):
    """Answer the page that asks once more who it is."""
    page = client.get(way)
    return client.post(way, {"credential": json.dumps(key.sign(page))})


def second_step(client, key: SoftwareKey):
    """What is asked after the password."""
    page = client.get("/accounts/2fa/authenticate/")
    form = {"credential": json.dumps(key.sign(page))}
    return client.post("/accounts/2fa/authenticate/", form)


def _asked(page):
    if page.headers["Content-Type"].startswith("application/json"):
        return page.json()
    text = page.content.decode()
    found = re.search(r'<script id="js_data"[^>]*>(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])
