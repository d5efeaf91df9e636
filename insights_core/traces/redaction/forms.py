"""Private data by its form: what a look is worth, the pattern, and how much of a find counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from insights_core.traces.redaction import numbers

Size = Callable[[str, str], int]
"""How many characters of a find are private, from the find and the text before it; 0 for none."""


@dataclass(frozen=True)
class Form:
    """One way in which private data looks. A group whose name starts with `lead` stays as it is."""

    kind: str
    signs: tuple[str, ...]
    """What stands in every find, in small letters."""
    pattern: re.Pattern[str]
    size: Size | None = None
    numeric: bool = False
    """Whether seven digits stand in every find; then the text is looked at where they do."""
    before: int = 40
    """How far before a sign a find may begin."""
    reach: int = 420
    """How far behind the beginning of a sign it may end."""

    def split(self, match: re.Match[str]) -> tuple[str, str]:
        """What stays, and what may be private."""
        lead = next(
            (match[group] for group in self.pattern.groupindex if group.startswith("lead") and match[group]), ""
        )
        return lead, match.group()[len(lead) :]


_FIELD = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|passwort|kennwort|contraseña|senha|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|private[_-]?key|account[_-]?key"
    r"|(?:access|auth|refresh|bearer|session|id|api|bot|app|client)[_-]?token|connection[_-]?string)"
)
_SAID = r"(?:pass(?:word|code|phrase|wd)|pwd|passwort|kennwort|mot de passe|contraseña|senha|palavra-passe|wachtwoord|lösenord|adgangskode|hasło|пароль|şifrem?|parolam?)"
# Numbers that are secrets when they are called so.
_CODE = r"(?:pin(?:[ -]?(?:code|number))?|cvv2?|cvc2?|security code|passcode|otp|(?:one[- ]time|verification|2fa|login) (?:pass)?code)"
_IS = r"(?:is|was|to|ist|lautet|est|es|é|è|=|:|->|#)"
_PLACEHOLDER = re.compile(
    r"\W*|<.*|\{\{?.*|\$\w+|\$\{.*|%\w+%?|\*+.*|x{3,}|\.{3}.*|null|none|nil|true|false|yes|no|required|optional|string|str|text|int|integer|number|bool"
    r"|boolean|any|object|undefined|unknown|n/a|missing|invalid|expired|incorrect|wrong|hidden|redacted|masked|changed|reset|enabled|disabled|value|valid|empty"
    r"|unset|default|must|should|not|the|please|your|field|protected|encrypted|hashed|needed|stored|correct|weak|strong|being|too|here|there|still|now|always"
    r"|never|also|only|very|same|that|this|what|case|set|sent|important|secure|safe|less|more|gone|lost|working|unique|private",
    re.IGNORECASE | re.DOTALL,
)
_TRAILING = ".,;:!?)]}\"'"


def _value(found: str, before: str) -> int:
    """A field's value, unless it says what belongs there or is the next word of a sentence."""
    sentence = before.rstrip("\"'\\") == before and before.endswith(": ") and found.isalpha() and found.islower()
    return 0 if sentence or _PLACEHOLDER.fullmatch(found) else len(found)


def _said(found: str, before: str) -> int:
    """A password that somebody says: a word that is no usual one, without the sentence's own signs."""
    word = found.rstrip(_TRAILING)
    if len(word) < 4 or word.startswith("[") or _PLACEHOLDER.fullmatch(word):
        return 0
    mixed = any(char.isdigit() for char in word) or any(char.isupper() for char in word[1:]) or not word.isalpha()
    # "my password is sunflower" says one; "the password is forgotten" does not.
    own = re.search(r"\b(?:my|mein|mon|mi|minha|mijn)\b.{0,40}$", before, re.IGNORECASE) is not None
    return (
        len(word) if (mixed and not word.isupper()) or (own and not re.search(r"(?:ed|ing|ly|able|en)$", word)) else 0
    )


def _random(found: str, before: str) -> int:
    """A value that no word looks like: with a digit, or with capitals inside."""
    mixed = any(char.isdigit() for char in found) or re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]", found)
    return len(found) if mixed or (len(found) >= 20 and "." in found.strip(".")) else 0


def _mixed(found: str, before: str) -> int:
    """A value with both letters and digits, or with small and capital ones in turns."""
    turns = len(re.findall(r"[a-z][A-Z]", found))
    return len(found) if any(map(str.isalpha, found)) and (any(map(str.isdigit, found)) or turns > 1) else 0


def _id(found: str, before: str) -> int:
    return len(found) if len(found) >= 5 and sum(map(str.isdigit, found)) >= 3 else 0


# A key may stand on one line or on many; its end may be cut off. It never reaches into the next numbered line.
_PRIVATE_KEY = (
    r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?:(?!-----|\nL\d{3,} )[\s\S]){0,10000}-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"|[A-Za-z0-9+/=\\ ]{0,10000}(?:\n[A-Za-z0-9+/=]{20,}){0,200})"
)
_PHONE_WORDS = (
    r"(?:(?<!i)phone|(?<![a-z])(?:mobile|tel|cell|fax|handy|mobil|ligar|llamar|dial)|whatsapp|telefon|téléphone|telefoon|telefone|teléfono|numéro|celular|móvil|cellulare"
    r"|(?<![a-z])(?:call|reach|text|ring|dial|contact|sms)(?: (?:me|us|him|her|them))?(?: back)?(?: (?:at|on|under))?|my number)"
)
PRIVATE_KEY = Form("private key", ("private key",), re.compile(_PRIVATE_KEY), before=60, reach=12_000)

FORMS = [
    Form("cookie", ("cookie",), re.compile(r"(?i:(?P<lead>\bcookie2?[\"']{0,2}\s{0,2}[:=]\s{0,2}[\"']?))[\w!#$%&*+.^`|~-]{1,80}=[^\s;\"',]+(?:; ?[\w-]{1,80}(?:=[^\s;\"',]*)?){0,40}"), reach=4000),
    Form("bearer", ("bearer ", "basic "), re.compile(r"(?P<lead>\b(?:[Bb]earer|BEARER) )[\w.~+/-]{12,}=*|(?P<lead2>\b[Bb]asic )[A-Za-z0-9+/]{16,}=*"), _random),
    Form("secret", ("authorization",), re.compile(r"(?i:(?P<lead>authorization[\"']{0,3}\s{0,2}[:=]\s{0,2}[\"']?(?:[a-z]{3,12} )?))[\w.~+/=:-]{8,}"), _random),
    Form("secret", ("password", "passwd", "passphrase", "passcode", "passwort", "pwd", "kennwort", "contraseña", "senha", "secret", "_key", "-key", "api key", "apikey", "privatekey", "accountkey", "account key", "token", "connection"), re.compile(rf"(?i:(?P<lead>{_FIELD}[\\\"']{{0,4}}\s{{0,3}}[:=]\s{{0,3}}(?P<quote>\\{{0,3}}[\"'])))(?!\[)[^\n]{{3,300}}?(?=(?P=quote))|(?i:(?P<lead2>{_FIELD}[\\\"']{{0,4}}\s{{0,3}}[:=]\s{{0,3}}[\\\"']{{0,4}}))(?!\[)[^\s\\\"',;&}}\])]{{4,}}"), _value),
    Form("secret", ("token=", "key=", "secret=", "sig=", "signature=", "auth=", "pass", "session", "sid=", "jwt=", "otp=", "credential=", "code="), re.compile(r"(?i:(?P<lead>[?&;](?:[\w.-]{0,30}?(?:token|secret|sig|signature|passw(?:or)?d|pass|api_?key|auth|credential|session(?:_?id)?|jwt|otp)|sid|key|code)=))[^&\s\"'#<>\[\]]{8,}")),
    Form("secret", ("token",), re.compile(r"(?i:(?P<lead>(?<![a-z_-])token[\"']{0,2}\s{0,2}(?:is|:|=)\s{0,2}[\"']{0,2}))[\w.+/=~-]{12,}"), _mixed),
    Form("secret", ("password", "passwd", "passphrase", "passcode", "passwort", "mot de passe", "pwd", "kennwort", "contraseña", "senha", "palavra", "wachtwoord", "lösenord", "adgangskode", "hasło", "пароль", "şifre", "parola"), re.compile(rf"(?i:(?P<lead>\b{_SAID}\s{{0,2}}{_IS}\s{{0,2}}[:\"'`]{{0,2}}))(?!\[)[^\s\"'`]{{4,100}}"), _said),
    Form("secret", ("password", "passwd", "passphrase", "passcode", "passwort", "mot de passe", "pwd"), re.compile(rf"(?i:(?P<lead>\b{_SAID}[ ,\"'`]{{1,2}}))(?!\[)[A-Za-z0-9!@#$%^&*_+-]{{6,64}}"), _mixed),
    Form("secret", ("pin", "cvv", "cvc", "security code", "passcode", "otp", "ation code", "time code", "time pass", "2fa", "login"), re.compile(rf"(?i:(?P<lead>\b{_CODE}[\"']?\s{{0,2}}(?:{_IS}\s{{0,2}}[\"']?)?))\d{{3,8}}(?![\w-])(?! (?:times|minutes|hours|seconds|days|attempts|digits))")),
    Form("secret", ("-u ", "--user "), re.compile(r"(?P<lead>\s(?:-u|--user)\s{1,3}[\"']?[^\s:\"']{1,80}:)[^\s\"']{3,200}")),
    Form("credentials", ("://",), re.compile(r"(?P<lead>://)[^\s/:@\"']{0,100}:[^\s/@\"']{1,200}(?=@)")),
    Form("email", ("@", "%40"), re.compile(r"(?<![\w.+'-])[\w.+'-]{1,320}(?:@|%40)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"), before=330, reach=540),
    Form("iban", (), re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])"), numbers.iban, numeric=True),
    Form("card", (), re.compile(r"(?<![\w.-])(?:[3-6]\d{3}|2[2-7]\d\d)(?:[ -]?\d){9,15}(?![\w-]|\.\d)"), numbers.card, numeric=True),
    Form("id", (), re.compile(r"(?<![\w.-])\d{3}-\d{2}-\d{4}(?![\w-])"), numbers.american_id, numeric=True),
    Form("id", ("ssn", "social"), re.compile(r"(?i:(?P<lead>\b(?:ssn|social(?: security)?)\b[\"']?[^\w\n]{0,3}(?:(?:number|no|num|is)\b[^\w\n]{0,3}){0,3}))\d{3}[ .-]?\d{2}[ .-]?\d{4}(?![\w-])"), numeric=True),
    Form("id", ("passport", "licence", "license", "national i", "tax", "nino", "aadhaar", "personal id", "identity card", "dni", "nhs", "codice", "steuer", "nif", "curp", "bsn", "pesel"), re.compile(r"(?i:(?P<lead>\b(?:passport|(?:driver'?s?|driving) licen[cs]e|national (?:id|insurance|identity)|tax(?:payer)? id|nino|aadhaar|personal id|identity card|dni|nhs|codice fiscale|steuer-?id|nif|curp|bsn|pesel)[\"']?(?:[ _-]?(?:number|no|num|id|card)\b)?[\"']?[^\w\n]{0,3}(?:is\b[^\w\n]{0,3})?))(?=[A-Za-z0-9-]*\d)[A-Za-z0-9]{2,12}(?:[ -]?(?=[A-Za-z]{0,3}\d)[A-Za-z0-9]{1,6}){0,4}(?![\w-])"), _id),
    Form("id", (), re.compile(r"(?<![\w.-])(?:\d{3}\.\d{3}\.\d{3}-\d\d|\d{17}[\dXx]|[XYZ]?\d{7,8}-?[A-Z])(?![\w-])"), numbers.national_id, numeric=True),
    Form("phone", ("+", "00"), re.compile(r"(?<![\w.+-])(?:\+\d{1,3}(?:[ .()/-]{0,2}\d){7,13}|(?<!(?<!L\d\d)\d )00\d{1,3}(?:[ ./-]\d{2,11}){2,5})(?![\w-])"), numeric=True),
    Form("phone", (), re.compile(r"(?<![\w.+-])(?:(?:1[ .-])?\(\d{3}\) ?\d{3}[ .-]\d{4}|(?:1[ .-])?\d{3}([ .-])\d{3}[ .-]\d{4})(?![\w-])"), numbers.american_phone, numeric=True),
    Form("phone", (), re.compile(r"(?<![\w.+/-])(?<!(?<!L\d\d)\d )(?:\(0\d{1,5}\)|0\d{1,5})(?:[ ./-]{1,2}\d{2,8}){1,5}(?![\w-])"), numbers.local_phone, numeric=True),
    Form("phone", ("phone", "mobil", "tel", "cell", "fax", "handy", "whatsapp", "numéro", "my num", "móvil", "celular", "cellulare", "call", "reach", "text", "ring", "dial", "contact", "sms", "ligar", "llamar"), re.compile(rf"(?i:(?P<lead>{_PHONE_WORDS}[a-z_]{{0,10}}[^\w\n(+]{{0,8}}(?:(?:number|no|nr|is|at|on)[^\w\n(+]{{1,4}}){{0,2}}))\(?\+?\d(?:[ ()./-]{{0,2}}\d){{6,13}}(?![\w-])"), numeric=True),
    Form("phone", ("is my ",), re.compile(r"(?<![\w.+-])\(?\+?\d(?:[ ()./-]{0,2}\d){6,13}(?= is my (?:number|phone|cell|mobile))"), numeric=True),
]  # fmt: skip
