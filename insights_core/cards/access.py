"""Who may use the cards' API, for which tenant, and for what.

A bearer token of INSIGHTS_CARD_TOKENS opens its own tenant for what its role may. INTERNAL_SECRET, as a bearer or in
`X-Internal-Secret`, opens every tenant; X-Tenant-ID says which one is meant. Where neither is configured, only direct
requests of this machine are answered.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from insights_core import settings
from insights_core.entities.card import TenantId, check_tenant
from insights_core.errors import InsightsError, InvalidParameterError, PermissionDeniedError

Right = Literal["read", "emit"]
_RIGHTS: dict[str, frozenset[Right]] = {
    "emitter": frozenset({"emit"}),
    "auditor": frozenset({"read"}),
    "admin": frozenset({"read", "emit"}),
}
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class CardToken(BaseModel):
    """One entry of INSIGHTS_CARD_TOKENS."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=16)
    tenant_id: TenantId
    role: Literal["emitter", "auditor", "admin"] = "auditor"


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    tenant_id: str | None
    """None where it may be any and none was named."""
    rights: frozenset[Right]
    internal: bool

    def tenant(self, right: Right) -> str:
        """The tenant that is meant.

        Raises:
            PermissionDeniedError: The role lacks the right.
            InvalidParameterError: No tenant was named.
        """
        if right not in self.rights:
            raise PermissionDeniedError(
                f"This token may not {right} here. Reading takes the role auditor or admin, emitting emitter or admin."
            )
        if self.tenant_id is None:
            raise InvalidParameterError("Name the tenant in the header X-Tenant-ID.", field="X-Tenant-ID")
        return self.tenant_id


def caller_of(headers: Any, client_host: str | None) -> Caller:
    """Who asks, by the headers of a request.

    Args:
        headers: Mapping of headers that does not care for case.
        client_host: Address that the request came from.

    Raises:
        PermissionDeniedError: Nobody who may (`status` 401 where another token would help).
        InvalidParameterError: The tenant in X-Tenant-ID can be none.
    """
    header = headers.get("x-tenant-id")
    named = None if header is None else check_tenant(header)
    secret, tokens = settings.INTERNAL_SECRET.get(), _tokens()
    given = headers.get("x-internal-secret") or _bearer(headers.get("authorization"))
    if not given:
        if secret or tokens:
            raise _unknown("Send a token as `Authorization: Bearer …`.")
        return _local(headers, client_host, named)
    # Every entry is compared, the right one too late or early makes no difference in time.
    digest = _digest(given)
    internal = hmac.compare_digest(digest, _digest(secret)) if secret else False
    found = [entry for known, entry in tokens if hmac.compare_digest(digest, known)]
    if internal:
        return Caller(named, _RIGHTS["admin"], internal=True)
    if not found:
        raise _unknown("This token is not known.")
    if named not in (None, found[0].tenant_id):
        # The same for a tenant that exists and for one that does not.
        raise PermissionDeniedError("This token does not open the tenant in X-Tenant-ID.")
    return Caller(found[0].tenant_id, _RIGHTS[found[0].role], internal=False)


def _unknown(said: str) -> PermissionDeniedError:
    return PermissionDeniedError(said, status=401, scheme="Bearer")


def _local(headers: Any, client_host: str | None, named: str | None) -> Caller:
    """The caller where nothing is configured: this machine, directly, and not through a page of another site."""
    host = re.sub(r":\d+$", "", headers.get("host") or "")
    direct = not any(name in headers for name in _FORWARDED)
    if direct and _is_loopback(client_host) and host in ("localhost", "127.0.0.1", "[::1]"):
        return Caller(named or settings.INSIGHTS_TENANT_ID.get(), _RIGHTS["admin"], internal=True)
    raise PermissionDeniedError(
        "Without INTERNAL_SECRET or INSIGHTS_CARD_TOKENS the cards' API answers only direct requests of its own machine. "
        "Set one of them where the server runs."
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _bearer(header: str | None) -> str | None:
    kind, _, token = (header or "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def check_tokens() -> None:
    """Read INSIGHTS_CARD_TOKENS once, so that a server does not start with a wrong one.

    Raises:
        InvalidParameterError: It cannot be used; the message holds nothing of it.
    """
    try:
        _tokens()
    except InsightsError as error:
        raise InvalidParameterError(error.message) from error


def _tokens() -> list[tuple[bytes, CardToken]]:
    text = settings.INSIGHTS_CARD_TOKENS.get()
    if not text:
        return []
    if text.lstrip().startswith("["):
        return _read(text)
    path = Path(text).expanduser()
    if not path.is_file():
        raise _unusable("it is neither a JSON list nor a file that exists")
    return _read(path.read_text())


@cache
def _read(text: str) -> list[tuple[bytes, CardToken]]:
    try:
        entries = TypeAdapter(list[CardToken]).validate_python(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise _unusable(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    except ValueError:
        raise _unusable("it is no valid JSON") from None
    found = [(_digest(entry.token), entry) for entry in entries]
    if len({digest for digest, _ in found}) < len(found):
        raise _unusable("it names a token twice")
    return found


def _unusable(why: str) -> InsightsError:
    return InsightsError(
        f"INSIGHTS_CARD_TOKENS cannot be used: {why}. Write a JSON list of objects with token (16 characters or more), "
        "tenant_id and role (emitter, auditor or admin)."
    )
