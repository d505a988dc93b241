"""What may be uploaded as a figure, and what becomes of it."""

import re
import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from articles.images import NAME, clean_image
from tests.factories import ArticleFactory, add_figure, image_file

DAMAGED = "This is no PNG, JPEG or WebP image, or it is damaged."
MEDIA = Path(settings.MEDIA_ROOT)
TYPES = ("avif", "webp")


def opened(clean):
    image = Image.open(BytesIO(clean.read()))
    image.load()
    return image


def refusal(upload):
    with pytest.raises(ValidationError) as error:
        clean_image(upload)
    return error.value.messages


def png_chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, *chunks, rows=b""):
    """A PNG written by hand, so that it may say of itself what it is not."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    data = png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + data + png_chunk(b"IEND", b"")


# --- what is accepted -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_type", "suffix"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")]
)
def test_content_decides_what_a_file_is(file_type, suffix):
    clean = clean_image(image_file(file_type, name="scan.svg"))
    image = opened(clean)
    assert clean.name == f"figure.{suffix}"
    assert (image.format, image.size, image.mode) == (file_type, (800, 600), "RGB")
    assert image.getpixel((400, 300)) == pytest.approx((0, 128, 128), abs=3)


def test_limits_are_still_accepted():
    assert opened(clean_image(image_file(size=(100, 100)))).size == (100, 100)
    assert opened(clean_image(image_file(size=(10_000, 100)))).size == (10_000, 100)
    # The largest that there may be, in one bit per pixel.
    assert opened(clean_image(image_file(size=(5000, 5000), mode="1"))).size == (5000, 5000)


def test_nothing_but_pixels_is_kept():
    exif = Image.Exif()
    exif[0x010E] = "patient name"
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    comments = PngInfo()
    comments.add_itxt("Author", "patient name")
    uploads = [
        image_file("JPEG", exif=exif, comment="patient name"),
        image_file("PNG", exif=exif, pnginfo=comments),
        image_file("WEBP", exif=exif, xmp=b"patient name"),
    ]
    for upload in uploads:
        assert b"patient name" in upload.read()
        content = clean_image(upload).read()
        assert b"patient name" not in content
        assert not Image.open(BytesIO(content)).getexif()


def test_second_file_behind_the_first_is_dropped():
    behind = b"PK\x03\x04<script>alert(1)</script>"
    for file_type in ("PNG", "JPEG", "WEBP"):
        content = image_file(file_type).read() + behind
        assert b"script" not in clean_image(SimpleUploadedFile("a.png", content)).read()


def test_photographs_are_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    assert opened(clean_image(image_file("JPEG", exif=exif))).size == (600, 800)


def test_first_picture_of_an_iphones_file_is_taken():
    buffer = BytesIO()
    Image.new("RGB", (300, 200), "teal").save(
        buffer, "MPO", save_all=True, append_images=[Image.new("RGB", (150, 100))]
    )
    clean = clean_image(SimpleUploadedFile("a.jpg", buffer.getvalue()))
    assert (opened(clean).format, opened(clean_image(clean)).size) == ("JPEG", (300, 200))


@pytest.mark.parametrize(
    ("mode", "options"), [("RGBA", {}), ("LA", {}), ("P", {"transparency": 0})]
)
def test_transparent_parts_become_white(mode, options):
    image = opened(clean_image(image_file(mode=mode, **options)))
    assert image.getpixel((400, 300)) == (255, 255, 255)


def test_sixteen_bits_of_grey_are_scaled_not_cut_off():
    buffer = BytesIO()
    Image.new("I;16", (200, 200), 0x8080).save(buffer, "PNG")
    image = opened(clean_image(SimpleUploadedFile("ct.png", buffer.getvalue())))
    assert image.getpixel((100, 100)) == (128, 128, 128)


def test_colours_are_turned_into_those_of_the_web():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (lab, b"no profile at all"):
        image = opened(clean_image(image_file(icc_profile=profile)))
        assert image.getpixel((1, 1)) == pytest.approx((0, 128, 128), abs=1)
        assert "icc_profile" not in image.info
    printed = opened(clean_image(image_file("JPEG", mode="CMYK")))
    assert (printed.mode, printed.getpixel((1, 1))) == ("RGB", (255, 255, 255))


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7\n",
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 500 500\n",
        b"\x89PNG\r\n\x1a\n",
        b"\x00" * 1000,
        image_file("JPEG").read()[:2000],
        image_file("PNG").read()[:-200],
        image_file("GIF").read(),
        image_file("BMP").read(),
        image_file("TIFF").read(),
        png(800, 600, rows=b"\x00"),  # says more rows than it holds
        # A comment of 100 MB in 100 KB.
        png(800, 600, png_chunk(b"zTXt", b"c\x00\x00" + zlib.compress(b"\x00" * 100_000_000))),
    ],
    ids=lambda content: f"{len(content)} bytes, {content[:8]!r}",
)
def test_no_image_or_a_damaged_one(content):
    assert refusal(SimpleUploadedFile("plot.png", content)) == [DAMAGED]


@pytest.mark.parametrize(
    ("width", "height"), [(100_000, 100_000), (10_000, 2_501), (5_001, 5_000), (10_001, 200)]
)
def test_bombs_are_refused_by_what_they_say_of_themselves(width, height):
    (message,) = refusal(SimpleUploadedFile("plot.png", png(width, height)))
    expected = f"The image has {width} by {height} pixels; at most 25 megapixels and 10000 pixels"
    # Past a size of its own Pillow does not even say how large it is.
    assert message.startswith(expected) or (message == DAMAGED and width * height > 178_000_000)


@pytest.mark.parametrize("size", [(99, 500), (500, 99), (1, 1)])
def test_too_small(size):
    (message,) = refusal(image_file(size=size))
    assert message == (
        f"The image has {size[0]} by {size[1]} pixels; at least 100 pixels on each side are needed."
    )


@pytest.mark.parametrize("file_type", ["PNG", "WEBP"])
def test_animations(file_type):
    frames = [Image.new("RGB", (200, 200), colour) for colour in ("red", "blue")]
    upload = image_file(file_type, (200, 200), save_all=True, append_images=frames)
    assert refusal(upload) == ["Animated images are not accepted."]


def test_too_many_bytes_are_not_even_opened():
    upload = SimpleUploadedFile("plot.png", bytes(10 * 2**20 + 1))
    assert refusal(upload) == ["The file has 11 MB; at most 10 MB are accepted."]


# --- what is kept ---------------------------------------------------------------------------------


def files():
    return {str(path.relative_to(MEDIA)) for path in MEDIA.rglob("*") if path.is_file()}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["../../etc/passwd.png", "/etc/passwd", "a\\..\\b.PNG", "x.svg", f"{'a' * 300}.png"]
)
def test_names_are_our_own(name):
    before = files()
    upload = ContentFile(image_file().read(), name="plot.png")
    upload.name = name
    figure = add_figure(ArticleFactory(), image=upload)
    stem = figure.image.name.removesuffix(".png")
    assert files() - before == {
        figure.image.name,
        *(f"{stem}/{width}w.{suffix}" for width in (240, 480, 720, 800) for suffix in TYPES),
    }
    assert figure.image.name.startswith("figures/")
    assert name not in figure.image.name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("width", "widths"),
    [
        (100, [100]),
        (239, [239]),
        (480, [240, 480]),
        (700, [240, 480, 700]),
        (1000, [240, 480, 720, 960, 1000]),
        (3000, [240, 480, 720, 960, 1440]),
    ],
)
def test_variants_up_to_the_width_of_the_image(width, widths):
    image = add_figure(ArticleFactory(), image=image_file(size=(width, 500))).image
    assert {
        kind: [picture.width for picture in found] for kind, found in image.variants.items()
    } == {
        "AVIF": widths,
        "WEBP": widths,
    }
    for file_type, pictures in image.variants.items():
        for picture in pictures:
            assert re.fullmatch(NAME, picture.name)
            with Image.open(MEDIA / picture.name) as variant:
                assert variant.format == file_type
                # django-pictures rounds the height down first, and keeps the proportions.
                assert variant.width == pytest.approx(picture.width, abs=1)
                assert variant.height == pytest.approx(500 * picture.width / width, abs=1)
    assert image.thumbnail.name.endswith(f"/{widths[0]}w.webp")


@pytest.mark.django_db
def test_neither_a_new_image_nor_deleting_the_row_takes_a_file_away():
    figure = add_figure(ArticleFactory())
    first = figure.image.name
    figure.image = image_file(size=(400, 300))
    figure.save()
    assert figure.image.name != first
    assert (figure.image_width, figure.image_height) == (400, 300)
    before = files()
    assert first in before
    figure.article.delete()
    assert files() == before


@pytest.mark.django_db
def test_no_path_stores_what_was_not_checked():
    before = files()
    with pytest.raises(ValidationError):
        add_figure(ArticleFactory(), image=image_file("GIF"))
    assert files() == before
