"""How somebody proved an address: by the code of their own sign-up, or otherwise.

Whoever knows the password, or comes from a provider, types the code that sign-up or
sign-in mailed. A reset proves the address for somebody who may never have typed it in.
"""


def note_own_code(request) -> None:
    """Remember, for this request, that the code of a sign-up or sign-in was typed."""
    request._typed_own_code = True


def is_by_own_code(request) -> bool:
    return getattr(request, "_typed_own_code", False)
