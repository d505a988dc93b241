"""E-mail addresses as they are stored: ASCII, so that every mail server takes them."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _


def ascii_address(address: str) -> str:
    """Return ``address`` with its domain in lower case and in ASCII (IDNA).

    Raises ValidationError for what is not an address, for a part before the "@" that is not ASCII
    (such mailboxes need SMTPUTF8 on every server on the way), and for a domain whose two IDNA
    standards disagree (faß.de is not fass.de): then its ASCII form must be given.
    """
    address = address.strip()
    local, at, domain = address.rpartition("@")
    if not at or not local.isascii():
        raise ValidationError(
            _(
                "Enter an e-mail address whose part before the “@” has only unaccented letters, "
                "digits and signs."
            ),
            code="invalid",
        )
    address = f"{local}@{_ascii_domain(domain.lower())}"
    validate_email(address)
    if any(char.isspace() or not char.isprintable() for char in local):
        raise ValidationError(_("Enter a valid e-mail address."), code="invalid")
    return address


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        encoded = domain.encode("idna")
        # Python's codec speaks the older standard: what differs does not come back the same.
        is_unambiguous = encoded.decode("idna") == domain
    except UnicodeError:
        raise ValidationError(_("Enter a valid e-mail address."), code="invalid") from None
    if not is_unambiguous:
        raise ValidationError(
            _("Enter the domain of this address in its ASCII form, which begins with “xn--”."),
            code="ambiguous_domain",
        )
    return encoded.decode("ascii")
