-- The table of postgresstore. Running this again changes nothing.
-- Rename at will: Options.Table and Options.Schema say what the store looks for.

CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    id      text COLLATE "C" NOT NULL PRIMARY KEY, -- 43 characters
    data    bytea            NOT NULL,
    subject text COLLATE "C" NOT NULL, -- 255 bytes at most
    expires timestamptz      NOT NULL, -- 2262-04-11 23:47:15 UTC at the latest
    version bigint           NOT NULL  -- 64 bits, the sign is one of them; not 0
) WITH (fillfactor = 90);

-- There are no CHECK constraints: PostgreSQL prepares them anew for each statement, and an
-- UPDATE would take it half as long again. The store reads no row that breaks what is said
-- above: it gives sessionstore.ErrCorrupt.

-- There is no index on expires: most writes move it, and without one they change no
-- index (heap-only tuples, for which pages keep a tenth free). Prune reads the table.

-- For ListSubject and DeleteSubject.
CREATE INDEX IF NOT EXISTS cloakroom_sessions_subject ON cloakroom_sessions (subject) WHERE subject <> '';
