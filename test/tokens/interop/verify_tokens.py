"""
Verifies tokens the way a service with PyJWT does. In come, as JSON, the tokens, each with what it
is verified by; out go what PyJWT reads in them, or the name of the exception it refuses them with.
"""

import json
import sys
from functools import lru_cache
from typing import Any

import jwt


# One for all tokens, as a service has it: it keeps the keys that it fetched.
@lru_cache
def keys_at(url: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(url)


def verify(task: dict[str, Any]) -> dict[str, Any]:
    token = task["token"]
    try:
        if "jwks_url" in task:
            key = keys_at(task["jwks_url"]).get_signing_key_from_jwt(token).key
        else:
            key = task["key"]
        claims = jwt.decode(
            token,
            key,
            algorithms=[task["algorithm"]],
            issuer=task["issuer"],
            audience=task["audience"],
        )
    except jwt.PyJWTError as error:
        return {"refused": type(error).__name__}
    header = jwt.get_unverified_header(token)
    # RFC 9068, section 4: with or without the prefix, in any case. PyJWT compares nothing here.
    typ = header.get("typ", "").lower().removeprefix("application/")
    if typ != task.get("typ", "at+jwt"):
        return {"refused": f"typ {typ}"}
    return {"header": header, "claims": claims}


json.dump([verify(task) for task in json.load(sys.stdin)], sys.stdout)
