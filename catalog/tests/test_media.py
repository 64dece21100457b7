from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from catalog import images
from catalog.models import Product
from catalog.tests.factories import make_image, make_product


def picture(width=1500, height=1000, kind="JPEG", **options):
    buffer = BytesIO()
    Image.new("RGB", (width, height), "#8A967C").save(buffer, kind, **options)
    return buffer.getvalue()


def put(name, content=b"x"):
    return default_storage.save(name, ContentFile(content))


def test_a_picture_is_served_as_a_picture_and_as_nothing_else(client):
    put("products/a.webp", picture(kind="WEBP"))

    response = client.get("/media/products/a.webp")

    assert response.status_code == 200
    assert response["Content-Type"] == "image/webp"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "immutable" in response["Cache-Control"]


@pytest.mark.parametrize(
    "name",
    [
        "products/page.html",
        "products/drawing.svg",
        "products/script.js",
        "products",
        "products/",
        "products/folder.webp",
        "../settings.py",
        "products/../../secret.png",
        "..%2f..%2fsecret.png",
        "%2fetc%2fpasswd.png",
        "..\\secret.png",
        "products/%00.png",
    ],
)
def test_nothing_else_leaves_the_media_folder(client, settings, name):
    put("products/page.html", b"<script>alert(1)</script>")
    put("products/drawing.svg", b"<svg onload='alert(1)'/>")
    put("products/script.js")
    put("products/folder.webp/inside.webp")
    put("secret.txt")

    assert client.get(f"/media/{name}").status_code in (400, 404)


def test_a_lost_file_is_a_quiet_placeholder_and_still_a_404(client):
    response = client.get("/media/products/lost.webp")

    assert response.status_code == 404
    assert response["Content-Type"] == "image/svg+xml"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "immutable" not in response.get("Cache-Control", "")


@pytest.mark.django_db
def test_a_product_page_survives_its_missing_pictures(client):
    product = make_product(images=2)
    make_image(product, width=0, height=0)

    response = client.get(product.get_absolute_url())

    assert response.status_code == 200
    assert "photo--pending" in response.content.decode()


@pytest.mark.django_db
def test_renditions_are_webp_and_never_larger_than_the_original(run_jobs):
    product = make_product()
    upload = SimpleUploadedFile("my holiday.JPG", picture(1000, 500))
    image = product.images.create(file=upload, alt="A lamp")

    images.render.enqueue(image.pk)
    run_jobs()

    image.refresh_from_db()
    assert (image.width, image.height) == (1000, 500)
    assert image.renditions == [320, 640, 960]
    assert "holiday" not in image.file.name
    smallest = default_storage.open(images.rendition_name(image.file.name, 320))
    with smallest as file, Image.open(file) as copy:
        assert (copy.format, copy.size) == ("WEBP", (320, 160))
    shown = Product.objects.get(pk=product.pk).pictures[0]
    assert shown.srcset.endswith(f"{image.file.url} 1000w")
    assert "-320.webp 320w" in shown.srcset


@pytest.mark.django_db
def test_rendering_twice_writes_nothing_new(run_jobs):
    image = make_product().images.create(
        file=SimpleUploadedFile("a.jpg", picture()), alt="A lamp"
    )

    for _ in range(2):
        images.render.enqueue(image.pk)
        run_jobs()

    _, files = default_storage.listdir("products")
    assert len(files) == 5  # the original and four copies


@pytest.mark.django_db
def test_a_photograph_from_a_turned_phone_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    upload = SimpleUploadedFile("a.jpg", picture(400, 300, exif=exif))

    image = make_product().images.create(file=upload, alt="A lamp")
    image.renditions = images.write_renditions(image.file.name)

    assert (image.width, image.height) == (300, 400)


def test_until_renditions_stand_ready_the_original_is_shown():
    waiting = images.Picture("products/a.jpg", 900, 600, [], "A lamp")

    assert waiting.srcset == ""
    assert waiting.url == "/media/products/a.jpg"
    assert not waiting.is_missing
