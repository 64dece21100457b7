"""Photographs: safe names, renditions, srcset."""

import secrets
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageOps

from shop.kit import jobs

WIDTHS = (320, 640, 960, 1280)
QUALITY = 80
_TURNED = (5, 6, 7, 8)  # EXIF orientations in which width and height change places
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Picture:
    """A photograph as pages need it. No property opens a file."""

    name: str
    width: int
    height: int
    renditions: list[int]
    alt: str
    variant: int | None = None

    @property
    def url(self) -> str:
        return default_storage.url(self.name)

    @property
    def srcset(self) -> str:
        if not self.renditions:
            return ""
        sizes = [
            (default_storage.url(rendition_name(self.name, w)), w)
            for w in self.renditions
        ]
        return ", ".join(
            f"{url} {width}w" for url, width in [*sizes, (self.url, self.width)]
        )

    @property
    def is_missing(self) -> bool:
        return not (self.name and self.width)


def random_name(instance, filename: str) -> str:
    """Where an upload is stored: nothing of the uploader's name but the format."""
    return f"products/{secrets.token_hex(12)}{PurePosixPath(filename).suffix.lower()}"


def rendition_name(name: str, width: int) -> str:
    """`products/ab.jpg`, 320 → `products/ab-320.webp`."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{width}.webp"))


def measure(file) -> tuple[int, int]:
    """Width and height as browsers show it: upright, however the camera was held."""
    file.seek(0)
    with Image.open(file) as image:
        turned = image.getexif().get(_ORIENTATION) in _TURNED
        width, height = image.size
    file.seek(0)
    return (height, width) if turned else (width, height)


def write_renditions(name: str) -> list[int]:
    """Write WebP copies beside the original, none larger, and return their widths.

    Safe to repeat: copies that stand there already are kept.
    """
    with default_storage.open(name) as file, Image.open(file) as original:
        upright = ImageOps.exif_transpose(original)
        widths = [width for width in WIDTHS if width < upright.width]
        picture = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    for width in widths:
        target = rendition_name(name, width)
        if default_storage.exists(target):
            continue
        copy = picture.resize((width, round(picture.height * width / picture.width)))
        buffer = BytesIO()
        copy.save(buffer, "WEBP", quality=QUALITY)
        default_storage.save(target, ContentFile(buffer.getvalue()))
    return widths


@jobs.job()
def render(image_id: int) -> None:
    """Make the renditions of an upload; until then pages show the original."""
    from catalog import products
    from catalog.models import ProductImage

    image = ProductImage.objects.select_related("product").filter(pk=image_id).first()
    if not image:
        return  # deleted since
    image.renditions = write_renditions(image.file.name)
    image.save(update_fields=["renditions"])
    products.refresh(image.product)
