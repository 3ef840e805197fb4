-- The table of sqlstore in SQLite. Running this again changes nothing.
-- Rename at will: Options.Table says what the store looks for.

CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    id      TEXT    NOT NULL PRIMARY KEY CHECK (typeof(id) = 'text' AND length(id) = 43 AND id NOT GLOB '*[^A-Za-z0-9_-]*'),
    subject TEXT    NOT NULL CHECK (typeof(subject) = 'text' AND length(CAST(subject AS BLOB)) <= 255),
    expires INTEGER NOT NULL CHECK (typeof(expires) = 'integer'), -- nanoseconds since 1970
    version INTEGER NOT NULL CHECK (typeof(version) = 'integer' AND version <> 0), -- 64 bits, the sign is one of them
    data    BLOB    NOT NULL CHECK (typeof(data) = 'blob') -- last, so that the others are read without it
);

-- For ListSubject and DeleteSubject.
CREATE INDEX IF NOT EXISTS cloakroom_sessions_subject ON cloakroom_sessions (subject) WHERE subject <> '';
