"""The explorer: a widget, the session behind it, and the messages between kernel and page."""
