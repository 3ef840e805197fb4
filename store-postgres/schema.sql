-- The table of postgresstore. Running this again changes nothing.
-- Rename at will: Options.Table and Options.Schema say what the store looks for.

CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    id      text COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) = 43),
    data    bytea            NOT NULL,
    subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) <= 255),
    expires timestamptz      NOT NULL CHECK (isfinite(expires)),
    version bigint           NOT NULL CHECK (version <> 0) -- 64 bits, the sign is one of them
) WITH (fillfactor = 90);

-- There is no index on expires: most writes move it, and without one they change no
-- index (heap-only tuples, for which pages keep a tenth free). Prune reads the table.

-- For ListSubject and DeleteSubject.
CREATE INDEX IF NOT EXISTS cloakroom_sessions_subject ON cloakroom_sessions (subject) WHERE subject <> '';
