"""Keys and tokens that vendors issue.

The rules are those of Kingfisher, which are kept up by others: some 500 vendors' forms with their checks, scanned in
one pass by native code that never uses the network. What it is strict about (entropy, exact lengths) and the prefixes
that everybody knows are also taken in any length, because a key that was cut or mistyped is no less private.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

# Secrets by a vendor's prefix. Ids that look alike (call_…, msg_…, cus_…, run-…) are none.
_PREFIXES = (
    r"gh[pousr]_|github_pat_|gl(?:pat|dt|rt|ft|soat|cbt|ptt|imt|agent|oas)-|hf_|npm_|pypi-|rubygems_|dckr_(?:pat|oat)_|figd_|figu_|glsa_|glc_"
    r"|xox[abeoprs]-|xapp-|AIza|GOCSPX-|ya29\.|sk-|sk_(?:live|test|prod)_|[rp]k_(?:live|test)_|whsec_|rzp_(?:live|test)_|sq0(?:atp|csp|idp)-|EAAA[A-Za-z]"
    r"|do[opr]_v1_|dp\.(?:pt|st|ct|sa|scim|audit)\.|hv[sbr]\.|lin_(?:api|oauth)_|ntn_|NRAK-|NRII-|PMAK-|pscale_(?:tkn|pw|oauth)_|pul-|sntry[su]_|sbp_|sb_secret_"
    r"|tskey-[a-z]{2,12}-|ATATT3|ATCTT3|ATBB|dt0[a-z]\d\d\.|EZ[AT]K|gsk_|r8_|pplx-|xai-|nf[pcub]_|lsv2_(?:pt|sk)_|pcsk_|CFPAT-|xkeysib-|xsmtpsib-|tfp_|sq[upa]_"
    r"|shp(?:at|ss|ca|pa)_|dapi[0-9a-f]|dop_|PRIVATE-TOKEN-|key-[0-9a-f]{20}|secret_[A-Za-z0-9]{20}|FLW(?:PUB|SEC)[K_]|AGE-SECRET-KEY-|LTAI|SK[0-9a-f]{24}|AC[0-9a-f]{30}"
    r"|pat[A-Za-z0-9]{14}\.|sl\.[A-Za-z0-9_-]{40}|ops_eyJ|jfrt@|AKC[a-z]|rdme_|prefect_|pnu_|duffel_(?:live|test)_|shippo_(?:live|test)_|CLOJARS_|vercel_|vc[pikar]_|fly\.?o?1_|FlyV1 fm2_"
    r"|oy2[a-z0-9]{20}|HRKU-|fo1_|apify_api_|phx_|phc_|nvapi-|fw_[A-Za-z0-9]{10}|csk-|tgp_v1_|jina_|tvly-|fc-[0-9a-f]{20}|bsk-|wandb_v1_|mlsk-|cfut_|cfat_|sgp_|sbat_|hcaptcha_|ctp_|aio_[A-Za-z]{4}"
)
_WHOLE = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}",
    r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
    r"\d{8,10}:AA[\w-]{30,}",  # Telegram
    r"[0-9a-f]{32}-us\d{1,2}",  # Mailchimp
    r"[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,}",  # Discord
    r"https://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/+-]{20,}",
    r"https://(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/\d{10,}/[\w-]{20,}",
    r"https://[\w-]{1,60}\.webhook\.office\.com/[\w@/-]{30,}",
)
_OWN = re.compile(rf"(?<![A-Za-z0-9_-])(?:(?:{_PREFIXES})[\w.=+/-]{{10,}}|{'|'.join(_WHOLE)})")
_RUN = re.compile(r"[A-Za-z0-9_.=+/:-]{16,}")
_KEY_LIKE = re.compile(r"\d[^\d]{0,40}[A-Za-z]|[A-Za-z][^A-Za-z]{0,40}\d|[a-z][A-Z][A-Za-z]{0,40}[a-z][A-Z]")
# What names a client or an account and opens nothing.
_NO_SECRET = re.compile(r"(?:client-id|application-id|account-id|domain|url|username|email)(?:\.\d+)?$")
_KEPT_URL = "webhook"
_ELSEWHERE = ("credential-uri", "private-key", "curl-auth")  # forms of our own say what these are


def vendor_tokens(text: str) -> list[str]:
    """The tokens in a text, longest first, each once."""
    found: set[str] = set()
    runs = [run for run in _RUN.findall(text) if _KEY_LIKE.search(run)]
    if not runs:
        return []
    for run in runs:
        found.update(match.group().rstrip(".,:/") for match in _OWN.finditer(run))
    scanner = _scanner()
    if scanner is not None:
        for finding in scanner.scan(text.encode("utf-8", "surrogatepass")):
            rule = finding.rule_id
            if not finding.visible or any(part in rule for part in _ELSEWHERE):
                continue
            if _KEPT_URL in rule or not _NO_SECRET.search(rule):
                found.add(finding.secret)
    return sorted((token for token in found if len(token) >= 8 and "\n" not in token), key=len, reverse=True)


@cache
def _scanner() -> Any:
    """Kingfisher's scanner, or None where no wheel of it fits the machine: it reads its rules once, in about 2 s."""
    try:
        from kingfisher_sdk import Scanner
    except ImportError:
        return None
    return Scanner(base64=False)
