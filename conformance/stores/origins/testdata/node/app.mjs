// A shop in Express: app.mjs REDIS. Prints its port.
import {createRequire} from "node:module";

const require = createRequire(process.env.ORIGINS_NODE + "/package.json");
const express = require("express");
const session = require("express-session");
const {RedisStore} = require("connect-redis");
const {createClient} = require("redis");

const client = createClient({url: `redis://${process.argv[2]}`});
await client.connect();

const app = express();
app.use(session({
  secret: ["dev-schlüssel-🔑", "older"],
  resave: false,
  saveUninitialized: false,
  store: new RedisStore({client}),
  cookie: {maxAge: 3600_000, sameSite: "lax"},
}));
app.get(["/", "/login", "/add"], (req, res) => {
  if (req.path === "/login") req.session.user = req.query.user;
  if (req.path === "/add") req.session.cart = [...(req.session.cart ?? []), req.query.item];
  res.json({user: req.session.user ?? "", cart: req.session.cart ?? []});
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
