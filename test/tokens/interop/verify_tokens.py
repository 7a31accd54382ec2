"""
Verifies tokens as a service with PyJWT does. Reads a JSON list of tasks from stdin, each with a
token and what to verify it by. Writes for each the header and the claims of the token, or the name
of the exception that PyJWT raises.
"""

import json
import sys
from functools import lru_cache
from typing import Any

import jwt


# One client for all tokens, as in a service, because it caches the keys that it fetched.
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
    # RFC 9068, section 4: the prefix is optional and the case is ignored. PyJWT does not check typ.
    typ = header.get("typ", "").lower().removeprefix("application/")
    if typ != task.get("typ", "at+jwt"):
        return {"refused": f"typ {typ}"}
    return {"header": header, "claims": claims}


json.dump([verify(task) for task in json.load(sys.stdin)], sys.stdout)
