"""allauth's forms in the words of this site."""

from typing import Any

from allauth.account import forms
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext_lazy as _

from portal.core.addresses import ascii_address


class _OurWordsMixin:
    """Label the fields as the rest of the site does, without placeholders; say what is missing.

    allauth repeats each label as a placeholder, where it looks like an answer.
    """

    labels = {
        "email": _("E-mail address"),
        "login": _("E-mail address"),
        "password2": _("Password again"),
        "remember": _("Stay signed in on this device"),
    }
    missing = {
        "email": _("Enter your e-mail address."),
        "login": _("Enter your e-mail address."),
        "oldpassword": _("Enter your current password."),
        "password": _("Enter your password."),
        "password1": _("Enter a password."),
        "password2": _("Enter the password again."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # type: ignore[attr-defined]
            field.label = self.labels.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            if name in self.missing:
                field.error_messages["required"] = self.missing[name]


class _AddressMixin(_OurWordsMixin):
    """Leave the check of the address to the adapter's, which says what is wrong with it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["email"]  # type: ignore[attr-defined]
        field.validators = [
            validator for validator in field.validators if not isinstance(validator, EmailValidator)
        ]


class LoginForm(_OurWordsMixin, forms.LoginForm):  # type: ignore[misc]
    def clean_login(self) -> str:
        """Return the address as it is stored, however its domain was typed."""
        login: str = super().clean_login()
        try:
            return ascii_address(login)
        except ValidationError:
            return login


class SignupForm(_AddressMixin, forms.SignupForm):  # type: ignore[misc]
    pass


class AddEmailForm(_AddressMixin, forms.AddEmailForm):  # type: ignore[misc]
    pass


class ResetPasswordForm(_AddressMixin, forms.ResetPasswordForm):  # type: ignore[misc]
    def clean_email(self) -> str:
        """Return the address that the account was found by: the mail must go there alone."""
        super().clean_email()
        return ascii_address(self.cleaned_data["email"])


class ResetPasswordKeyForm(_OurWordsMixin, forms.ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class SetPasswordForm(_OurWordsMixin, forms.SetPasswordForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(_OurWordsMixin, forms.ChangePasswordForm):  # type: ignore[misc]
    pass


class ReauthenticateForm(_OurWordsMixin, forms.ReauthenticateForm):  # type: ignore[misc]
    pass
