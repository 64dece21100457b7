"""The frame of the sandbox's own pages: nothing here is shared with the shop."""

from html import escape

BANNER = "Test mode <span>No real money moves</span>"


def document(
    *, title: str, main: str, stylesheet: str, look: str, banner: str = BANNER
) -> bytes:
    """A whole page; `main` is trusted HTML, `title` is not. `look` names the layout."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="stylesheet" href="{escape(stylesheet)}">
</head>
<body class="{look}">
<p class="banner" role="note">{banner}</p>
<main>
{main}
</main>
</body>
</html>
""".encode()


def headers(form_action: str = "'self'") -> dict[str, str]:
    """Headers for such a page: no script, no foreign anything, never indexed.

    `form_action` must also name the origin that a form's answer redirects to:
    browsers follow the redirect only if this list allows it.
    """
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
        f"form-action {form_action}; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "X-Robots-Tag": "noindex, nofollow",
        "Referrer-Policy": "same-origin",
    }
