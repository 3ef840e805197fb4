"""A shop in one of the frameworks: app.py KIND REDIS. Prints its port."""

import json
import socket
import sys
import warnings

import uvicorn
from fastsession import FastSessionMiddleware
from flask import Flask, jsonify, request, session
from flask_session import Session
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from starsessions import CookieStore, SessionAutoloadMiddleware
from starsessions import SessionMiddleware as Starsessions
from starsessions.stores.redis import RedisStore
from werkzeug.serving import make_server

warnings.simplefilter("ignore")

SECRET = "dev-schlüssel-🔑"
kind, (host, port) = sys.argv[1], sys.argv[2].rsplit(":", 1)


def act(path, args, store):
    if path == "/login":
        store["user"] = args["user"]
    elif path == "/add":
        store["cart"] = store.get("cart", []) + [args["item"]]
    return {"user": store.get("user", ""), "cart": store.get("cart", [])}


def in_flask():
    app = Flask("shop")
    app.secret_key = SECRET
    if kind.startswith("flask-session"):
        app.config.update(
            SESSION_TYPE="redis",
            SESSION_REDIS=Redis(host=host, port=int(port)),
            SESSION_USE_SIGNER=kind.endswith("signed"),
            SESSION_SERIALIZATION_FORMAT="json" if kind.endswith("json") else "msgpack",
        )
        Session(app)

    @app.get("/<path:path>")
    @app.get("/")
    def page(path=""):
        return jsonify(act("/" + path, request.args, session))

    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.port, flush=True)
    server.serve_forever()


class JSONStore:
    """A store for FastSession that keeps JSON in Redis."""

    def __init__(self):
        self.redis = Redis(host=host, port=int(port))
        self.loaded = {}

    def create_store(self, session_id):
        self.loaded[session_id] = {}
        return self.loaded[session_id]

    def get_store(self, session_id):
        record = self.redis.get("fast:" + session_id)
        if record is None:
            return None
        self.loaded[session_id] = json.loads(record)
        return self.loaded[session_id]

    def save_store(self, session_id):
        self.redis.set("fast:" + session_id, json.dumps(self.loaded[session_id]))

    def gc(self):
        pass


def in_starlette():
    middleware = {
        "starlette": [Middleware(SessionMiddleware, secret_key=SECRET)],
        "starsessions": [
            Middleware(Starsessions, store=CookieStore(SECRET), lifetime=3600, cookie_https_only=False),
            Middleware(SessionAutoloadMiddleware),
        ],
        "starsessions-redis": [
            Middleware(
                Starsessions,
                store=RedisStore(connection=AsyncRedis(host=host, port=int(port))),
                lifetime=3600,
                cookie_https_only=False,
            ),
            Middleware(SessionAutoloadMiddleware),
        ],
        "fastsession": [Middleware(FastSessionMiddleware, secret_key=SECRET, store=JSONStore(), secure=False)],
    }[kind]

    async def page(request):
        if kind != "fastsession":
            return JSONResponse(act(request.url.path, request.query_params, request.session))
        answer = act(request.url.path, request.query_params, request.state.session.get_session())
        request.state.session.save_session()
        return JSONResponse(answer)

    app = Starlette(routes=[Route("/{path:path}", page)], middleware=middleware)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


in_flask() if kind.startswith("flask") else in_starlette()
