"""How dates are written where a page asks for the short way."""
