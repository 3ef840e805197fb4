-- The table of postgresstore. Running this again changes nothing.
-- Rename at will: Options.Table and Options.Schema say what the store looks for.

CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    id      text COLLATE "C" NOT NULL PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9_-]{43}$'),
    data    bytea            NOT NULL,
    subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) <= 255),
    expires timestamptz      NOT NULL CHECK (isfinite(expires)),
    version bigint           NOT NULL CHECK (version <> 0) -- 64 bits, the sign is one of them
);

-- For Prune.
CREATE INDEX IF NOT EXISTS cloakroom_sessions_expires ON cloakroom_sessions (expires);

-- For ListSubject and DeleteSubject.
CREATE INDEX IF NOT EXISTS cloakroom_sessions_subject ON cloakroom_sessions (subject) WHERE subject <> '';
