"""E-mail addresses as they are stored: ASCII, so that every mail server takes them."""

import unicodedata
from encodings import idna

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

# RFC 5321: the part before the "@", the whole, and (RFC 1035) what stands between two dots.
MAX_LOCAL_LENGTH = 64
MAX_LENGTH = 254
MAX_LABEL_LENGTH = 63
# Alphabets with letters that look alike. Japanese, for one, uses several others side by side.
_LOOK_ALIKE = frozenset({"ARMENIAN", "CHEROKEE", "CYRILLIC", "GREEK", "LATIN"})
_ACE_PREFIX = "xn--"


def ascii_address(address: str) -> str:
    """Return ``address`` with its domain in lower case and in ASCII (IDNA).

    Raises ValidationError, which says what is wrong, for what is not an address, and for what not
    every mail server takes: a part before the "@" that is not ASCII (it needs SMTPUTF8 on every
    server on the way) or stands in quotation marks, and a number in place of the domain. Also for a
    domain whose two IDNA standards disagree (faß.de is not fass.de): then its ASCII form must be
    given.
    """
    address = address.strip()
    if any(char.isspace() or not char.isprintable() for char in address):
        raise _error(_("An e-mail address has no spaces or invisible signs in it."), "spaces")
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise _error(_("Enter an e-mail address with an “@”, as in name@hospital.org."), "invalid")
    _check_local_part(local)
    address = f"{local}@{_ascii_domain(domain)}"
    if len(address) > MAX_LENGTH:
        raise _error(
            _("This e-mail address is too long: at most %(most)d characters reach every server.")
            % {"most": MAX_LENGTH},
            "too_long",
        )
    try:
        validate_email(address)
    except ValidationError:
        raise _error(_("Enter an e-mail address, as in name@hospital.org."), "invalid") from None
    return address


def _error(message: str, code: str) -> ValidationError:
    return ValidationError(message, code=code)


def _check_local_part(local: str) -> None:
    if not local.isascii():
        raise _error(
            _(
                "The part before the “@” may have only unaccented letters, digits and signs: "
                "many mail servers take no others. Enter another address of yours."
            ),
            "local_part_not_ascii",
        )
    if '"' in local or "@" in local:
        raise _error(
            _("Enter an address with one “@” and no quotation marks: many mail servers take none."),
            "quoted",
        )
    if len(local) > MAX_LOCAL_LENGTH:
        raise _error(
            _("The part before the “@” is too long: it may have %(most)d characters.")
            % {"most": MAX_LOCAL_LENGTH},
            "too_long",
        )


def _ascii_domain(domain: str) -> str:
    """Return the domain as mail servers know it; ValidationError if they know none such."""
    # Wide letters and dots (as Japanese keyboards write them) are the plain ones.
    domain = unicodedata.normalize("NFKC", domain).replace("。", ".").lower()
    # One dot at the end is the same domain, and the end of a sentence more often.
    domain = domain.removesuffix(".")
    if domain.startswith("[") or domain.replace(".", "").isdecimal():
        raise _error(_("Enter an address with a domain after the “@”, not a number."), "literal")
    labels = domain.split(".")
    if len(labels) == 1:
        raise _error(
            _("The part after the “@” is not complete: it ends like “.org” or “.com”."),
            "no_domain",
        )
    return ".".join(_ascii_label(label) for label in labels)


def _ascii_label(label: str) -> str:
    if label.isascii():
        encoded = label
    else:
        alphabets = {unicodedata.name(char, "").partition(" ")[0] for char in label}
        if len(alphabets & _LOOK_ALIKE) > 1:
            raise _error(
                _("The part after the “@” mixes letters of several alphabets."), "mixed_alphabets"
            )
        encoded = _encode(label)
    if len(encoded) > MAX_LABEL_LENGTH:
        raise _error(
            _("A name in the part after the “@” is too long: it may have %(most)d characters.")
            % {"most": MAX_LABEL_LENGTH},
            "too_long",
        )
    if encoded.startswith(_ACE_PREFIX) and not _is_readable(encoded):
        raise _error(
            _("The part after the “@” has a name with “xn--” that stands for no other."),
            "invalid_ace",
        )
    return encoded


def _encode(label: str) -> str:
    # By its steps, as Python's codec for whole domains refuses long ones in words of its own.
    try:
        prepared = idna.nameprep(label)
        encoded = _ACE_PREFIX + prepared.encode("punycode").decode("ascii")
    except UnicodeError:
        prepared = encoded = ""
    if not encoded or label.startswith("-") or label.endswith("-"):
        raise _error(
            _("The part after the “@” has a sign that no domain may have there."), "invalid_domain"
        )
    # Python speaks the older standard; it changes what the newer one leaves as it is.
    if prepared != label:
        raise _error(
            _("Enter the domain of this address in its ASCII form, which begins with “xn--”."),
            "ambiguous_domain",
        )
    return encoded


def _is_readable(label: str) -> bool:
    """Whether an "xn--" name is the ASCII form of another."""
    try:
        decoded = label.removeprefix(_ACE_PREFIX).encode("ascii").decode("punycode")
        again = decoded.encode("punycode").decode("ascii")
    except (UnicodeError, ValueError, OverflowError):
        return False
    is_other = not decoded.isascii() and decoded.isprintable() and decoded == decoded.lower()
    return is_other and _ACE_PREFIX + again == label
