"""Uploaded pictures, served as pictures and as nothing else."""

from pathlib import PurePosixPath

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse
from django.views.decorators.http import require_safe

# No SVG: it is a document that runs scripts.
_TYPES = {
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
# A lost file: browsers draw the picture of a 404 too, so the page keeps its shape.
_LOST = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    '<path fill="#dfdbd5" d="M0 0h100v100H0z"/>'
    '<circle cx="50" cy="60" r="20" fill="#c1bdb7"/></svg>'
)


@require_safe
def serve(request, name):
    path = PurePosixPath(name)
    kind = _TYPES.get(path.suffix.lower())
    if not kind or ".." in path.parts or "\\" in name or path.is_absolute():
        return _nothing()
    try:
        file = default_storage.open(name)
    except (FileNotFoundError, NotADirectoryError):
        return _guarded(HttpResponse(_LOST, content_type="image/svg+xml", status=404))
    except (SuspiciousFileOperation, OSError, ValueError):
        return _nothing()
    response = FileResponse(file, content_type=kind)
    # A name is never used for a second picture.
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return _guarded(response)


def _nothing():
    # Not the shop's 404 page: nobody reads it here, and it asks the database.
    return _guarded(HttpResponse("Not found", content_type="text/plain", status=404))


def _guarded(response):
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
