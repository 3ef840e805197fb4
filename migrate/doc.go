// Package migrate moves visitors in from other frameworks without signing them
// out: from Flask, Flask-Session, Starlette, FastAPI, starsessions, FastSession,
// Express, scs and gorilla.
//
// # Letting visitors in
//
// A [Source] reads the sessions of the old application: [Flask], [FlaskSession],
// [Starlette], [Starsessions], [FastSession], [Express], [SCS] or [Gorilla]. Its
// fields are the settings that the application has. A [Reception] stands between
// [session.Manager.Handler] and the application's handlers, and makes a session of
// ours of each old one that is brought:
//
//	reception, err := migrate.NewReception(sessions, migrate.Options{
//		Sources: []migrate.Source{migrate.Flask{Keys: []string{secretKey}}},
//		Subject: func(old migrate.Legacy) (string, error) {
//			return migrate.Value[string](old.Values, "user_id")
//		},
//		Values: func(old migrate.Legacy, s *session.Session) error {
//			return migrate.Move(old.Values, "cart", Cart, s)
//		},
//		Until: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC),
//	})
//	…
//	http.ListenAndServe(":8080", sessions.Handler(reception.Handler(mux)))
//
// The visitor gets our cookie, and the old one is ended by the same answer.
// Options.OnEvent counts them, so that it shows when nobody comes any more and the
// old key can go; from Options.Until on, none is accepted.
//
// # What is believed
//
// A cookie that is signed is verified before anything in it is decoded. What it
// holds, and what is read at a server, is decoded within bounds: 1 MiB after it was
// inflated. Nothing is unpickled. encoding/gob makes no types but those that the
// application has registered, and its data is looked through first. What is refused
// is an error that wraps [ErrRefused] and says why, for the log; the client does not
// learn it. Where a session can't be read because a server is down, nothing is
// refused: the answer is a 503, and the visitor keeps the old cookie.
//
// # Both at once
//
// [Flask.Encode], [Starlette.Encode] and [Express.Encode] write sessions that the old
// application accepts, for the time in which both run; see Options.KeepOldCookie as well.
//
// Package itsdangerous beside this one signs and verifies other things than
// sessions.
package migrate
