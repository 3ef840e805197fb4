-- The table of sqlstore in MySQL and MariaDB. Running this again changes nothing.
-- Rename at will: Options.Table says what the store looks for.

CREATE TABLE IF NOT EXISTS cloakroom_sessions (
    id      VARBINARY(43)  NOT NULL PRIMARY KEY CHECK (OCTET_LENGTH(id) = 43),
    data    LONGBLOB       NOT NULL,
    subject VARBINARY(255) NOT NULL,
    expires BIGINT         NOT NULL, -- microseconds since 1970
    version BIGINT         NOT NULL CHECK (version <> 0), -- 64 bits, the sign is one of them
    KEY subject (subject) -- for ListSubject and DeleteSubject
) ENGINE = InnoDB;
