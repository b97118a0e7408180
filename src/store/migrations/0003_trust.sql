-- What a person allowed to run: these bytes, under this name, from this source.
CREATE TABLE grants (
    n          INTEGER PRIMARY KEY,
    owner      TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    command    TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    how        TEXT    NOT NULL,
    text       TEXT    NOT NULL,
    UNIQUE (owner, source, command, digest)
) STRICT;
