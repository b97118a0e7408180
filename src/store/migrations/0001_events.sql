-- The log of facts. Rows are only ever added; each carries a hash over its own fields and the hash before it.
CREATE TABLE events (
    position     INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    owner        TEXT    NOT NULL,
    trace        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    payload_hash BLOB    NOT NULL,
    previous     BLOB    NOT NULL,
    hash         BLOB    NOT NULL
) STRICT;
CREATE INDEX events_by_subject ON events (subject);

-- What may be erased. The salt keeps a short payload from being guessed by its hash, and is erased with it.
CREATE TABLE event_payloads (
    position INTEGER PRIMARY KEY REFERENCES events (position),
    salt     BLOB NOT NULL,
    payload  TEXT NOT NULL
) STRICT;

-- The end of the log, so that a missing tail is noticed.
CREATE TABLE event_head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;
INSERT INTO event_head (one, position, hash) VALUES (1, 0, zeroblob(32));
