"""The images of figures: what is accepted, how it is kept, and the sizes that pages offer.

Whatever is uploaded is drawn anew from its pixels, so that nothing but pixels is ever stored: no
EXIF or GPS data, no comments, no second file hidden behind the first. Files get generated names.
They are never overwritten, nor deleted with their row: published versions point at them.
"""

from io import BytesIO
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from pictures.models import Picture, PictureField, PictureFieldFile, PillowPicture
from pictures.utils import reconstruct
from PIL import Image, ImageCms, ImageOps

# What Pillow may try to read → how a file of it is called. No other parser ever runs.
FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
# An iPhone's photograph is a JPEG with more pictures behind the first; the first is taken.
MULTI_PICTURE = "MPO"
MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 25_000_000
# Of each side. Encoders give up on what is longer, and a hair's breadth cannot be scaled.
MIN_SIDE, MAX_SIDE = 100, 10_000
QUALITY = 95

FOLDER = "figures"
# Of what the names below make: the view of media serves nothing else.
NAME = rf"{FOLDER}/[0-9a-f]{{32}}(?:\.(?:png|jpg|webp)|/[0-9]{{1,5}}w\.(?:avif|webp))"


class CleanImage(ContentFile[bytes]):
    """An image as ``clean_image`` made it."""


def clean_image(upload: File[Any]) -> CleanImage:
    """Return ``upload`` drawn anew: upright, in sRGB, opaque, without metadata.

    Transparent parts become white: a figure is drawn for white paper, and black axes would vanish
    on a dark page. Raises ``ValidationError``, in words for the editor, for what is too large, too
    small, animated, damaged or no image that we accept; content decides, not the file's name.
    """
    if upload.size > MAX_BYTES:
        raise ValidationError(
            _("The file has %(size)d MB; at most %(limit)d MB are accepted.")
            % {"size": -(-upload.size // 2**20), "limit": MAX_BYTES // 2**20}
        )
    try:
        upload.seek(0)
        with Image.open(upload, formats=list(FORMATS)) as image:
            # Known from the file's head: nothing is unpacked before it is known to fit.
            _check_dimensions(image)
            file_type = "JPEG" if image.format == MULTI_PICTURE else str(image.format)
            pixels = _opaque(_srgb(ImageOps.exif_transpose(image)))
    except ValidationError:
        raise
    except Exception as error:
        # Damaged files make decoders raise all sorts of things.
        raise ValidationError(_("This is no PNG, JPEG or WebP image, or it is damaged.")) from error
    buffer = BytesIO()
    pixels.save(buffer, file_type, quality=QUALITY)
    return CleanImage(buffer.getvalue(), name=f"figure.{FORMATS[file_type]}")


def _check_dimensions(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        message = _(
            "The image has %(width)d by %(height)d pixels; at most %(megapixels)d megapixels and "
            "%(side)d pixels on each side are accepted."
        )
    elif min(width, height) < MIN_SIDE:
        message = _(
            "The image has %(width)d by %(height)d pixels; at least %(min_side)d pixels on each "
            "side are needed."
        )
    elif image.format != MULTI_PICTURE and getattr(image, "is_animated", False):
        message = _("Animated images are not accepted.")
    else:
        return
    numbers = {
        "width": width,
        "height": height,
        "megapixels": MAX_PIXELS // 1_000_000,
        "side": MAX_SIDE,
        "min_side": MIN_SIDE,
    }
    raise ValidationError(message % numbers)


def _srgb(image: Image.Image) -> Image.Image:
    """Return ``image`` in the colours of the web, with its transparency if it has any."""
    if image.mode.startswith("I"):  # 16 bits of grey, which convert() would cut off, not scale
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode in {"1", "P", "LA", "PA"}:
        image = image.convert(mode)
    profile = image.info.get("icc_profile")
    if profile:
        try:
            return ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode=mode,
            ) or image.convert(mode)
        except (ImageCms.PyCMSError, OSError):
            pass  # A broken profile: the plain colours are the best that there is.
    return image.convert(mode)


def _opaque(image: Image.Image) -> Image.Image:
    """Return the pixels of ``image`` on white, in a new image that knows nothing else of it."""
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return ground


def figure_name(instance: Any, filename: str) -> str:
    """Return a new name below the media address; it also keeps strangers from guessing it."""
    return f"{FOLDER}/{uuid4().hex}.{filename.rpartition('.')[2]}"


def make_variants(*, file_name: str, new: list[Any], **others: Any) -> None:
    """Write the variants of an image at once, so that no reader meets a figure without them.

    django-pictures' ``PROCESSOR``. It names obsolete variants, too (``old``): they stay, see above.
    """
    with default_storage.open(file_name) as file, Image.open(file) as image:
        for picture in new:
            reconstruct(*picture).save(image)


class FigureFile(PictureFieldFile):  # type: ignore[misc]
    def save(self, name: str, content: File[Any], save: bool = True) -> None:
        """Store ``content``, by whatever path it comes, only after ``clean_image``."""
        image = content if isinstance(content, CleanImage) else clean_image(content)
        super().save(image.name, image, save)

    @staticmethod
    def get_picture_files(
        *, file_name: str, img_width: int, img_height: int, storage: Any, field: Any
    ) -> dict[Any, dict[str, dict[int, Picture]]]:
        ratios: dict[Any, dict[str, dict[int, Picture]]] = PictureFieldFile.get_picture_files(
            file_name=file_name,
            img_width=img_width,
            img_height=img_height,
            storage=storage,
            field=field,
        )
        # django-pictures stops at the last step below the image's own width: one of 700 pixels
        # would be shown from 480.
        largest = min(img_width, field.container_width * max(field.pixel_densities))
        for by_type in ratios.values():
            for file_type, by_width in by_type.items():
                picture = PillowPicture(file_name, file_type, None, storage, largest)
                by_width.setdefault(largest, picture)
        return ratios

    @property
    def variants(self) -> dict[str, list[Picture]]:
        """The variants by file type ("AVIF", "WEBP"), the narrowest first."""
        return {
            file_type: [by_width[width] for width in sorted(by_width)]
            for file_type, by_width in self.aspect_ratios[None].items()
        }

    @property
    def thumbnail(self) -> Picture:
        """The narrowest variant that every browser shows."""
        return self.variants["WEBP"][0]


class FigureFormField(forms.FileField):
    def to_python(self, data: Any) -> CleanImage | None:
        upload = super().to_python(data)
        return None if upload is None else clean_image(upload)

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        types = ",".join(f"image/{name.lower()}" for name in FORMATS)
        return {**super().widget_attrs(widget), "accept": types}


class FigureField(PictureField):  # type: ignore[misc]
    """An image under the rules of this module, with variants in the widths that pages need."""

    attr_class = FigureFile

    def formfield(self, **kwargs: Any) -> Any:
        # The name of the upload is never used, so it may be as long as it likes.
        return super().formfield(**{"form_class": FigureFormField, "max_length": None, **kwargs})
