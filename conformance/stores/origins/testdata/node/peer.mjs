// Writes and reads sessions with express-session and connect-redis, one JSON
// request a line.
import {createInterface} from "node:readline";
import {createRequire} from "node:module";
import {once} from "node:events";

// The packages are in the folder that the test has installed them into.
const require = createRequire(process.env.ORIGINS_NODE + "/package.json");
const express = require("express");
const session = require("express-session");
const signature = require("cookie-signature");
const {RedisStore} = require("connect-redis");

// A client of Redis that needs no server.
const records = new Map();
const client = {
  get: async (key) => records.get(key) ?? null,
  set: async (key, value) => void records.set(key, value),
  del: async (keys) => keys.forEach((key) => records.delete(key)),
  expire: async () => {},
};

let payload = null;
let seen = null;
const servers = new Map();

async function server(secret, maxAge) {
  const name = JSON.stringify([secret, maxAge]);
  if (!servers.has(name)) {
    const app = express();
    app.use(session({secret, resave: false, saveUninitialized: false, store: new RedisStore({client}), cookie: {maxAge}}));
    app.get("/", (req, res) => {
      Object.assign(req.session, payload);
      const {cookie, ...rest} = req.session;
      seen = rest;
      res.end();
    });
    const s = app.listen(0, "127.0.0.1");
    await once(s, "listening");
    servers.set(name, `http://127.0.0.1:${s.address().port}/`);
  }
  return servers.get(name);
}

const does = {
  async write({values, secret, maxAge}) {
    payload = values;
    const answer = await fetch(await server(secret, maxAge));
    payload = null;
    const cookie = answer.headers.get("set-cookie").split(";")[0].split("=")[1];
    const [[key, record]] = records;
    records.clear();
    return [cookie, key, record];
  },
  async read({cookie, key, record, secret}) {
    records.set(key, record);
    await fetch(await server(secret, null), {headers: {cookie: `connect.sid=${cookie}`}});
    records.clear();
    return seen;
  },
  async accepts({values, secret}) {
    return values.map((v) => signature.unsign(v, secret) !== false);
  },
};

for await (const line of createInterface({input: process.stdin})) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = {ok: await does[request.do](request.with)};
  } catch (e) {
    answer = {error: String(e)};
  }
  console.log(JSON.stringify(answer));
}
process.exit();
