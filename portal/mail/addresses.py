"""Where addresses are checked: in the core, as accounts need it, too."""

from portal.core.addresses import ascii_address

__all__ = ["ascii_address"]
