"""How secrets are recognized: by the name of the header, parameter or field that holds one, and by their own form.

This module is data: names and regular expressions. `redact` applies them.
"""

from __future__ import annotations

import re

SECRET_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "openai-organization",
        "openai-project",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
    }
)
"""Header names, in lower case, whose values are never shown. `SECRET_PARAMETER` matches those that are not listed."""

PUBLIC_HEADERS = frozenset({"idempotency-key", "sec-websocket-key", "x-idempotency-key"})
"""Header names, in lower case, that `SECRET_PARAMETER` would match but whose values are not secret."""

IDENTIFIERS = frozenset({"openai-organization", "openai-project"})
"""Secret headers whose values are identifiers: not shown, but not searched for in paths and bodies either."""

_KEYS = (
    "access|account|admin|api|app|application|auth|client|consumer|decryption|deploy|encryption|function|host|license"
    "|master|private|project|rsa|secret|security|service|session|shared|signing|ssh|storage|subscription|webhook"
)
_TOKENS = (
    "access|actor|admin|api|app|auth|authentication|authorization|bearer|bot|client|csrf|deploy|device|github|gitlab"
    "|hf|id|identity|jwt|login|oauth2?|personal|refresh|sas|secret|security|service|session|subject|user|vault|webhook"
    "|xsrf"
)
FIELD = (
    r"(?:pass(?:word|wd|phrase|code)s?|pwd|credentials?|cookies?|authorization|bearer|jwt|connection[-_. +]?string"
    r"|secrets?(?:[-_. +]?(?:value|text|string|access[-_. +]?key))?|client[-_. +]?assertion|code[-_. +]?verifier"
    r"|(?:auth|authorization|device)[-_. +]?code"
    r"|access[-_. +]?key[-_. +]?id|private[-_. +]?key[-_. +]?(?:pem|data|base64)|basic[-_. +]?auth"
    rf"|(?:{_KEYS})[-_. +]?keys?|(?:{_TOKENS})[-_. +]?tokens?)"
)
"""The end of the name of a JSON field, XML element or variable that holds a secret, in any case and with any separator.

Not `key` and `token` alone: filters and logprobs have those.
"""

PARAMETER = (
    r"(?:(?:api[-_]?key|key|secret|(?:access|auth|bearer|id|refresh|session)?token|password|passwd|pwd|passphrase"
    r"|signature|sig|credentials?|auth|authorization|authentication|cookie))"
)
"""The last word of the name of a header or query parameter that holds a secret, in addition to `FIELD`."""

SECRET_FIELD = re.compile(rf"(?i){FIELD}$")
SECRET_PARAMETER = re.compile(rf"(?i)(?:(?:^|[-_.]){PARAMETER}|{FIELD}|^code)$")
"""`code` alone is an OAuth authorization code (RFC 6749, section 4.1.2)."""

INNER_FIELDS = frozenset({"key", "secret", "token", "value"})
"""Fields that hold the secret where the value of a secret field is an object."""

CONTAINER = re.compile(r"(?i)(?:secrets|cookies?)$")
"""Secret fields whose objects map names to secrets: every text in them is one, except under `LABELS`."""

LABELS = frozenset({"description", "domain", "id", "name", "object", "path", "type"})
"""Fields that describe a secret and hold none."""

PRIVATE_KEY = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:\\[nr]|[\r\n])+[A-Za-z-]{1,30}: [^\r\n\\]{0,200})*"  # headers of an encrypted key (RFC 1421, section 4.6)
    r"(?:(?:\\[nrt]|[\r\n])[ \t]*|[A-Za-z0-9+/=]){40,}(?:-----END [A-Z0-9 ]{0,40}-----)?"
)

# A base64 text that contains a colon, at each of its three alignments: `user:password` (RFC 7617, section 2).
_COLON = r"(?:[\w+/-]{4})*(?:O[g-v]|[\w+/-][DTjz][o-r]|[\w+/-]{2}[AEIMQUYcgkosw048]6)"

_SERVICE_KEYS = (
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",  # GitHub
    r"gl(?:pat|dt|rt|ptt|soat|cbt|ft)-[A-Za-z0-9_-]{16,}",  # GitLab
    r"xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}",  # Slack
    r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS
    r"AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}",  # Google
    r"gsk_[A-Za-z0-9]{20,}",  # Groq
    r"hf_[A-Za-z0-9]{20,}|api_org_[A-Za-z0-9]{20,}",  # Hugging Face
    r"xai-[A-Za-z0-9_-]{20,}|csk-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}",  # xAI, Cerebras, Perplexity
    r"nvapi-[A-Za-z0-9_-]{20,}|fw_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}",  # NVIDIA, Fireworks, Replicate
    r"tvly-[A-Za-z0-9_-]{16,}|tgp_v1_[A-Za-z0-9_-]{20,}|jina_[A-Za-z0-9]{20,}",  # Tavily, Together, Jina
    r"pcsk_[A-Za-z0-9_]{20,}|lsv2_[a-z]{2}_[A-Za-z0-9_]{20,}|pa-[A-Za-z0-9_-]{30,}",  # Pinecone, LangSmith, Voyage
    r"dapi[0-9a-f]{32}|dop_v1_[0-9a-f]{40,}|npm_[A-Za-z0-9]{30,}",  # Databricks, DigitalOcean, npm
    r"pypi-[A-Za-z0-9_-]{30,}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",  # PyPI, Docker
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|SK[0-9a-f]{32}",  # SendGrid, Twilio
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0[a-z]{3}-[A-Za-z0-9_-]{20,}",  # Shopify, Square
    r"(?:ntn|lin_api|figd|glsa|glc|sbp|pscale_tkn|hvs|hvb)[_.][A-Za-z0-9_-]{20,}",  # Notion ... Vault
    r"ATATT3[A-Za-z0-9_=-]{20,}|PMAK-[A-Za-z0-9-]{20,}|AGE-SECRET-KEY-1[A-Z0-9]{40,}",  # Atlassian, Postman, age
    r"\d{8,10}:AA[A-Za-z0-9_-]{32,}",  # Telegram
)

KEY = "|".join(
    (
        r"\b(?:[ser]k[-_]|sess-)[A-Za-z0-9_-]{12,}",  # OpenAI, Anthropic, OpenRouter, Stripe and many others
        r"(?<=_)(?:[ser]k[-_]|sess-)[A-Za-z0-9_-]{12,}",
        r"(?i:\bBearer\s+)[^\s\"',;<>()?&]{8,}",
        rf"(?i:\bBasic\s+)(?={_COLON})[A-Za-z0-9+/_-]{{8,}}={{0,2}}",
        PRIVATE_KEY,
        r"(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=_-]{12,}",  # webhooks
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # a JSON web token
        rf"(?<![A-Za-z0-9])(?:{'|'.join(_SERVICE_KEYS)})",
    )
)
"""Text that is a key by its own form, wherever it stands. (`sess_...` is the name of a session, not a key.)"""

_NAME = rf"[\w.:-]{{0,40}}?{FIELD}"
_QUOTED_NAME = rf"[\w .:-]{{0,40}}?{FIELD}"
_INNER = "|".join(sorted(INNER_FIELDS))
# The lookaheads keep the search linear: the name is examined only where a field, variable or element can begin.
_FIELD_START = r"(?=[\"'][\w .:-]{1,60}[\"']\s*:)"
# The value of a field, or of the first field that holds one in the object that is its value.
_HOLDER = rf'(?i:[\"\']{_QUOTED_NAME}[\"\']\s*:\s*(?:\{{(?:[^{{}}]*,)?\s*"(?:{_INNER})"\s*:\s*)?(?P<quote>[\"\']))'
# The first name of a text that is an urlencoded form as a whole; those after it stand behind `&`.
_FORM_START = r"\A(?=[\w.%+\[\]-]+=[^\s&]*(?:&[\w.%+\[\]-]+=[^\s&]*)+\s*\Z)"
_VARIABLE = r"[A-Z][A-Z0-9_]*_(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PWD|CREDENTIALS?)"
_WORD_WITH_DIGIT = r"(?=[\w+/~.@!%-]*\d)[\w+/~.=@!%-]{8,}+"
_CDATA = r"(?:<!\[CDATA\[)"

HOLDERS = "|".join(
    (
        rf"(?P<parameter>(?i:(?:[?&]|{_FORM_START})(?:(?:[\w.%+-]*[-_.+])?{PARAMETER}|[\w.%+-]*?{FIELD}|code)=))[^&\s\"'<>#\\)]+",
        r"(?P<login>://[^\s/?#@:\"'<>\\]*:)[^\s/?#@\"'<>\\]{8,}(?=@)",  # the password of a URL
        rf"(?P<field>{_FIELD_START}{_HOLDER})(?:(?!(?P=quote))[^\\]|\\.)+",  # of JSON that is cut, or within text
        rf'(?P<quoted>(?i:(?<!\\)\\+"{_QUOTED_NAME}\\+"\s*:\s*\\+"))[^"\\]+',  # of JSON within JSON within text
        rf"(?P<variable>\b{_VARIABLE}=[\"']?)[^\s\"'<>&;,#(){{}}\[\]\\$*]{{6,}}",  # of an environment file
        # Of code, configuration and header lines. The digit and the missing bracket tell a secret from an expression.
        rf"(?P<assigned>(?<![\w.-])(?=[\w.-]{{1,60}}\s{{0,2}}[=:])(?i:{_NAME})\s{{0,2}}[=:]\s{{0,2}}[\"']?){_WORD_WITH_DIGIT}(?!\()",
        rf"(?P<element>(?=<[\w.:-]{{1,60}}[\s>])(?i:<{_NAME}(?:\s[^<>]{{0,200}})?>){_CDATA}?\s*)(?:(?!\]\]>)[^<>])+",
    )
)
"""Secrets that are known by the name that stands before them in text."""

KEPT = ("parameter", "login", "field", "quoted", "variable", "assigned", "element")
"""The groups of `HOLDERS` that stand before a secret and are kept."""
