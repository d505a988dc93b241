"""The people of the demonstration who can sign in."""

import json
from dataclasses import dataclass
from pathlib import Path

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group

from portal.accounts.models import User


@dataclass(frozen=True, slots=True)
class DemoUser:
    email: str
    name: str
    groups: tuple[str, ...] = ()
    is_superuser: bool = False


EDITOR = DemoUser("editor@demo.example", "Erin Editor", ("Editors",))
REVIEWER = DemoUser("reviewer@demo.example", "Robin Reviewer", ("Medical reviewers",))
STAFF = DemoUser("staff@demo.example", "Stacey Staff", ("Staff",))
LEAD = DemoUser("lead@demo.example", "Lee Lead", ("Staff", "Staff leads"))
ADMIN = DemoUser("admin@demo.example", "Adrian Admin", is_superuser=True)
DEMO_USERS = (EDITOR, REVIEWER, STAFF, LEAD, ADMIN)


def read_passwords(path: Path) -> dict[str, str]:
    """Return e-mail address → password from a JSON file.

    Raises ``OSError`` where there is no such file, ``ValueError`` where it holds anything else.
    """
    passwords = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(passwords, dict) or not all(
        isinstance(password, str) and password for password in passwords.values()
    ):
        raise ValueError("not a JSON object of e-mail addresses and passwords")
    return passwords


def make_users(passwords: dict[str, str]) -> dict[str, User]:
    """Create the demo users where they are missing, and return them by e-mail address.

    A user without a password in ``passwords`` cannot sign in until somebody sets one. A user who
    exists already keeps everything but gets the password that the file names.
    """
    return {demo.email: _make_user(demo, passwords.get(demo.email)) for demo in DEMO_USERS}


def _make_user(demo: DemoUser, password: str | None) -> User:
    user = User.objects.filter(email__iexact=demo.email).first()
    if user is None:
        user = User.objects.create_user(
            demo.email,
            password,
            name=demo.name,
            is_staff=True,
            is_superuser=demo.is_superuser,
        )
        user.groups.set(Group.objects.filter(name__in=demo.groups))
    elif password and not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    EmailAddress.objects.get_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
    return user


def sign_ins(passwords: dict[str, str], *, set_passwords: bool) -> list[str]:
    """Return the e-mail addresses of the demo users who can sign in with these passwords.

    With ``set_passwords`` a password that is not the user's becomes it first. Never makes a user,
    and leaves alone who is not one of ``DEMO_USERS`` or may not sign in. One query, and one for
    each password that is set.
    """
    addresses = [demo.email for demo in DEMO_USERS if demo.email in passwords]
    users = {user.email: user for user in User.objects.filter(email__in=addresses, is_active=True)}
    found = []
    for email in addresses:
        user = users.get(email)
        if user is None:
            continue
        is_right = user.check_password(passwords[email])
        if set_passwords and not is_right:
            user.set_password(passwords[email])
            user.save(update_fields=["password"])
        if set_passwords or is_right:
            found.append(email)
    return found
