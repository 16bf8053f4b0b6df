"""Guests: contact, session, and the one-click way to an account with the history intact."""
