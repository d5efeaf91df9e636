"""One pass over a text, kind by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from insights_core.traces.redaction import people as names
from insights_core.traces.redaction.forms import FORMS, PRIVATE_KEY, Form
from insights_core.traces.redaction.own import user_forms
from insights_core.traces.redaction.vendors import vendor_tokens
from insights_core.traces.redaction.windows import Span, around_numbers, around_signs


class Redactor:
    """Replaces private data by its kind, such as [email].

    Args:
        patterns: Name -> regular expression, besides the built-in ones and those of INSIGHTS_REDACT_PATTERNS.

    Attributes:
        counts: Kind -> how often it was replaced so far.

    Raises:
        InvalidParameterError: A pattern is unusable; the message names it.
    """

    def __init__(self, patterns: Mapping[str, str] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._user = user_forms(patterns)

    def redact(self, text: str, people: Collection[str] | None = None) -> str:
        """The text without private data; lines and their numbers stay as they are.

        Args:
            text: Any text.
            people: Names that `people_in` found in the text that this one comes from; None looks for them here.
        """
        if people is None:
            people = self.people_in(text)
        for form in self._user:
            text = self._replaced(text, form, [(0, len(text))])
        text = self._by_form(text, (PRIVATE_KEY,))
        for token in vendor_tokens(text):
            self.counts["token"] += text.count(token)
            text = text.replace(token, "[token]")
        text = self._by_form(text, FORMS)
        if people:
            text, found = names.without(text, people)
            self.counts["name"] += found
        return text

    def people_in(self, text: str) -> frozenset[str]:
        """Names of people that the text introduces: "I'm X Y", "me llamo X", `"first_name": "X"`."""
        return names.introduced(text)

    def _by_form(self, text: str, forms: Iterable[Form]) -> str:
        lowered, numbers = text.lower(), None
        for form in forms:
            if form.signs and not any(sign in lowered for sign in form.signs):
                continue
            if not form.numeric:
                places = around_signs(lowered, form.signs, form.before, 2 * form.reach)
            else:
                numbers = numbers if numbers is not None else around_numbers(text)
                places = numbers
            if not places:
                continue
            # Small letters of a few scripts are more characters; then the places are not the same.
            replaced = self._replaced(text, form, places if len(lowered) == len(text) else [(0, len(text))])
            if replaced != text:
                text, lowered, numbers = replaced, replaced.lower(), None
        return text

    def _replaced(self, text: str, form: Form, places: Iterable[Span]) -> str:
        pieces, done = [], 0
        for start, end in places:
            for match in form.pattern.finditer(text, max(start, done), min(end, len(text))):
                lead, value = form.split(match)
                begin = match.start() + len(lead)
                length = form.size(value, text[max(0, begin - 60) : begin]) if form.size else len(value)
                if length:
                    self.counts[form.kind] += 1
                    pieces.append(f"{text[done:begin]}[{form.kind}]" + "\n" * value.count("\n"))
                    done = begin + length
        return "".join([*pieces, text[done:]])
