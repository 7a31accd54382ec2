"""
A service of another party: Flask, with PyJWT for the tokens. It reads the same settings as our
service, and shares only the key and the claims with it.

It listens on a free port, and prints its address.
"""

import os
import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

ALGORITHM = os.environ["JWT_ALGORITHM"]
if ALGORITHM.startswith("HS"):
    SIGNING_KEY = os.environ["JWT_SECRET_KEY"]
else:
    # Loaded once, because PyJWT would check an RSA key in PEM form again for every token.
    SIGNING_KEY = load_pem_private_key(os.environ["JWT_PRIVATE_KEY"].encode(), password=None)
ISSUER = os.environ["JWT_ISSUER"]
AUDIENCE = os.environ["JWT_AUDIENCE"]
# Public keys are fetched from the JWKS and cached.
JWKS = jwt.PyJWKClient(os.environ["JWKS_URL"]) if "JWKS_URL" in os.environ else None

app = Flask(__name__)


@app.post("/tokens")
def issue_token() -> Response:
    """Issues a token. The claims of the body override the default ones; null removes one."""
    asked = request.get_json()
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": str(uuid.uuid4()),
        "type": "access",
        "iat": now,
        "nbf": now,
        "exp": now + 300,
        "fresh": False,
        "scope": {},
        **asked["claims"],
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    headers = {"kid": asked["kid"]} if "kid" in asked else None
    return jsonify(token=jwt.encode(claims, SIGNING_KEY, ALGORITHM, headers), claims=claims)


@app.get("/whoami")
def whoami() -> tuple[Response, int]:
    """Accepts an access token of the other service."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer":
        return jsonify(error="no token"), 401
    try:
        # RFC 9068, section 4: a refresh token verifies as well, but is not accepted here.
        typ = jwt.get_unverified_header(token).get("typ", "").lower()
        if typ.removeprefix("application/") != "at+jwt":
            return jsonify(error="no access token"), 401
        claims = jwt.decode(
            token,
            JWKS.get_signing_key_from_jwt(token).key if JWKS else SIGNING_KEY,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "iat", "nbf", "jti", "sub", "type"]},
        )
    except jwt.PyJWTError as error:
        return jsonify(error=type(error).__name__), 401
    return jsonify(subject=claims["sub"], scope=claims["scope"]), 200


server = make_server("127.0.0.1", 0, app, threaded=True)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
