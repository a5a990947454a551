"""Samples of secrets: names of fields that hold one, in any spelling, and the key forms of services."""

from __future__ import annotations

import base64

VALUE = "correct-horse-9-battery"
"""A secret that has no form of its own."""

NAMES = """
access key|access key id|access token|account key|admin key|api key|api secret|api token|app key|app secret
application key|actor token|auth code|auth key|auth token|authorization|authorization code|aws access key id
aws secret access key|aws session token|basic auth|bearer|bearer token|bot token|client assertion|client key
client secret|code verifier|connection string|consumer key|consumer secret|cookie|cookies|credential|credentials
csrf token|db password|deploy key|device code|device token|encryption key|function key|github token|id token|jwt
license key|login token|master key|oauth token|passcode|passphrase|passwd|password|personal access token|private key
private key pem|proxy authorization|pwd|refresh token|sas token|secret|secret key|secret value|secrets|security token
service token|session key|session token|set cookie|shared key|signing key|signing secret|ssh key|storage key
subject token|subscription key|user password|vault token|webhook secret|x api key|x auth token
"""
WORDS = [name.split() for name in NAMES.replace("\n", "|").split("|") if name]


def spellings(words: list[str]) -> list[str]:
    joined = [separator.join(words) for separator in ("_", "-", ".", " ", "")]
    capitals = [word.capitalize() for word in words]
    return [*joined, joined[0].upper(), "".join([words[0], *capitals[1:]]), "".join(capitals), f"my_{joined[0]}"]


KEYS = {
    "OpenAI": "sk-proj-" + "a1B2" * 8,
    "GitHub": "gh" + "p_" + "a1B2" * 9,
    "GitHub, fine-grained": "github" + "_pat_" + "a1B2" * 9,
    "GitLab": "gl" + "pat-" + "a1B2" * 5,
    "Slack": "xox" + "b-" + "1234-" * 4 + "aB",
    "Slack webhook": "hooks.slack" + ".com/services/T" + "0A" * 5 + "/B" + "0A" * 5 + "/" + "a1" * 9,
    "AWS": "AK" + "IA" + "A1B2" * 4,
    "Google": "AI" + "za" + "a1B2-" * 7,
    "Google OAuth": "ya" + "29." + "a1B2_" * 9,
    "Groq": "gs" + "k_" + "a1B2" * 13,
    "Hugging Face": "h" + "f_" + "aBcD" * 8,
    "xAI": "xa" + "i-" + "a1B2" * 20,
    "Replicate": "r" + "8_" + "a1B2" * 9,
    "Databricks": "dap" + "i" + "a1b2" * 8,
    "SendGrid": "SG" + "." + "a1B2" * 5 + "." + "a1B2" * 10,
    "Stripe": "sk" + "_live_" + "a1B2" * 6,
    "Vault": "hv" + "s." + "a1B2" * 6,
    "Telegram": "123456789" + ":AA" + "a1B2" * 8,
    "webhook": "wh" + "sec_" + "a1B2" * 6,
    "JSON web token": "ey" + "J" + "a1B2" * 4 + "." + "a1B2" * 4 + "." + "a1B2" * 4,
    "bearer": "Bearer " + VALUE,
    "basic": "Basic " + base64.b64encode(b"me:" + VALUE.encode()).decode(),
}

PEM = "\n".join(("-----BEGIN {}PRIVATE" + " KEY-----", *["aB3+" * 16] * 3, "-----END {}PRIVATE" + " KEY-----"))
