"""What the gate tells the rooms above it; it knows no listener."""

from django.dispatch import Signal

# A browser's pseudonym turned out to belong to a signed-in reader who has one already. Sent inside
# the transaction, with ``pseudonym`` (the browser's Reader) and ``reader`` (the account's Reader,
# which is used from now on). Whoever keeps rows per reader moves them.
readers_met = Signal()
