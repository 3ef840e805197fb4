"""Writes and reads sessions with the original libraries, one JSON request a line.

Values travel as pairs of a type and what it holds, so that nothing depends on how
either side writes JSON.
"""

import asyncio
import json
import struct
import sys
from datetime import datetime, timedelta, timezone
from http.cookies import SimpleCookie
from uuid import UUID

from fastsession import FastSessionMiddleware, MemoryStore
from flask import Flask, session
from flask_session import Session
from itsdangerous import BadData, Signer, TimestampSigner, URLSafeTimedSerializer
from markupsafe import Markup
from redis import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starsessions import CookieStore, SessionAutoloadMiddleware
from starsessions import SessionMiddleware as Starsessions

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def describe(v):
    if v is None:
        return ["null", ""]
    if isinstance(v, bool):
        return ["bool", str(v)]
    if isinstance(v, int):
        return ["int", str(v)]
    if isinstance(v, float):
        return ["float", "nan" if v != v else struct.pack(">d", v).hex()]
    if isinstance(v, Markup):
        return ["markup", str(v)]
    if isinstance(v, str):
        return ["text", v]
    if isinstance(v, bytes):
        return ["bytes", v.hex()]
    if isinstance(v, UUID):
        return ["uuid", str(v)]
    if isinstance(v, datetime):
        d = v - EPOCH
        return ["time", str(d.days * 86400 + d.seconds)]
    if isinstance(v, tuple):
        return ["tuple", [describe(x) for x in v]]
    if isinstance(v, list):
        return ["list", [describe(x) for x in v]]
    return ["dict", {k: describe(x) for k, x in v.items()}]


def make(d):
    kind, v = d
    return {
        "null": lambda: None,
        "bool": lambda: v == "True",
        "int": lambda: int(v),
        "float": lambda: float("nan") if v == "nan" else struct.unpack(">d", bytes.fromhex(v))[0],
        "markup": lambda: Markup(v),
        "text": lambda: v,
        "bytes": lambda: bytes.fromhex(v),
        "uuid": lambda: UUID(v),
        "time": lambda: EPOCH + timedelta(seconds=int(v)),
        "tuple": lambda: tuple(make(x) for x in v),
        "list": lambda: [make(x) for x in v],
        "dict": lambda: {k: make(x) for k, x in v.items()},
    }[kind]()


class Records(Redis):
    """A client of Redis that needs no server."""

    def __init__(self):
        self.values = {}

    def get(self, name):
        return self.values.get(name)

    def set(self, name, value, ex=None):
        self.values[name] = value

    def delete(self, name):
        self.values.pop(name, None)


def flask_app(**config):
    app = Flask("peer")
    app.config.update(config)
    app.secret_key = config["SECRET_KEY"]

    @app.get("/")
    def index():
        if app.payload is not None:
            session.update(app.payload)
        app.seen = dict(session)
        return ""

    return app


def flask_call(app, payload, cookie):
    app.payload = payload
    client = app.test_client(use_cookies=False)
    answer = client.get("/", headers={"Cookie": "session=" + cookie} if cookie else {})
    app.payload = None
    return cookie_of(answer.headers.get("Set-Cookie"), "session")


def cookie_of(header, name):
    return SimpleCookie(header)[name].value if header else None


def flask_write(payload, key, fallbacks=()):
    return flask_call(flask_app(SECRET_KEY=key, SECRET_KEY_FALLBACKS=list(fallbacks)), make(payload), None)


def flask_read(cookie, key):
    app = flask_app(SECRET_KEY=key)
    flask_call(app, None, cookie)
    return describe(app.seen)


def flask_session_write(payload, key, signed, format):
    records = Records()
    app = flask_app(
        SECRET_KEY=key,
        SESSION_TYPE="redis",
        SESSION_REDIS=records,
        SESSION_USE_SIGNER=signed,
        SESSION_SERIALIZATION_FORMAT=format,
    )
    Session(app)
    cookie = flask_call(app, make(payload), None)
    ((name, value),) = records.values.items()
    flask_call(app, None, cookie)
    return {"cookie": cookie, "name": name, "record": value.hex(), "values": describe(app.seen)}


def asgi(middleware, payload, cookie, name):
    seen = {}

    async def index(request):
        state = getattr(request.state, "session", None)
        store = state.get_session() if state else request.session
        if payload is not None:
            store.update(payload)
        seen.update(store)
        return PlainTextResponse("")

    app = Starlette(routes=[Route("/", index)], middleware=middleware)
    headers = [(b"cookie", f"{name}={cookie}".encode("latin-1"))] if cookie else []
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers,
        "root_path": "", "scheme": "https", "server": ("localhost", 443), "client": ("127.0.0.1", 1), "http_version": "1.1",
    }
    asyncio.run(app(scope, receive, send))
    for header, value in sent[0]["headers"]:
        if header == b"set-cookie":
            return value.decode().split(";")[0].partition("=")[2], seen
    return None, seen


def starlette(key):
    return [Middleware(SessionMiddleware, secret_key=key)]


def starsessions(key):
    return [Middleware(Starsessions, store=CookieStore(key), lifetime=3600), Middleware(SessionAutoloadMiddleware)]


def starlette_write(payload, key):
    return asgi(starlette(key), make(payload), None, "session")[0]


def starlette_read(cookie, key):
    return describe(asgi(starlette(key), None, cookie, "session")[1])


def starsessions_write(payload, key):
    return asgi(starsessions(key), make(payload), None, "session")[0]


def fastsession_write(payload, key, name):
    store = MemoryStore()
    cookie, _ = asgi([Middleware(FastSessionMiddleware, secret_key=key, store=store, session_cookie=name)], make(payload), None, name)
    ((sid, record),) = store.raw_memory_store.items()
    return [cookie, sid, json.dumps(record)]


def accepts(cookies, scheme, key, max_age):
    """Says of each cookie whether the original reads it, whatever it then holds."""

    def one(cookie):
        if scheme == "flask":
            app = flask_app(SECRET_KEY=key)
            app.session_interface.get_signing_serializer(app).loads(cookie, max_age=max_age)
        elif scheme == "starlette":
            from base64 import b64decode

            json.loads(b64decode(TimestampSigner(key).unsign(cookie, max_age=max_age)))
        elif scheme == "fastsession":
            URLSafeTimedSerializer(key).loads(cookie, max_age=max_age)
        elif scheme == "flask-session":
            Signer(key, salt="flask-session", key_derivation="hmac").unsign(cookie)

    def tried(cookie):
        try:
            one(cookie)
        except (BadData, ValueError, OverflowError):
            return False
        return True

    return [tried(c) for c in cookies]


def sign(payload, key, salt, derivation, digest, timed):
    import hashlib

    cls = TimestampSigner if timed else Signer
    return cls(key, salt=salt, key_derivation=derivation, digest_method=getattr(hashlib, digest)).sign(payload).decode()


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"ok": globals()[request["do"]](**request["with"])}
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
