"""How long contacts are kept."""

KEPT_CONTACT_DAYS = 90
