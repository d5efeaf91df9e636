"""Private data out of text before it leaves the process.

What is found by form is removed: emails, phone, card and bank account numbers, social security and other personal ids,
keys and tokens, values of fields that are named as secrets, names of people that a conversation itself introduces, and
whatever the user adds. Postal addresses have no form; they are not found.
"""

from insights_core.traces.redaction.redactor import Redactor

__all__ = ["Redactor"]
