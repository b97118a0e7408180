-- Who may come in from outside: users, their keys and logins. Secrets stand here only as hashes, in bytes, so that the log
-- tells them by the hash of a hash.
CREATE TABLE users (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    name     TEXT    NOT NULL,
    folded   TEXT    NOT NULL UNIQUE,
    email    TEXT,
    mail     TEXT    UNIQUE,
    role     TEXT    NOT NULL,
    tier     TEXT,
    password BLOB,
    disabled INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    changed  INTEGER NOT NULL
) STRICT;

-- `digest` is the SHA-256 of the whole key; `scopes` is a JSON list, absent where it may all that its user may.
CREATE TABLE access_keys (
    n       INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    user    INTEGER NOT NULL REFERENCES users (n),
    name    TEXT    NOT NULL,
    prefix  TEXT    NOT NULL,
    digest  BLOB    NOT NULL UNIQUE,
    scopes  TEXT,
    created INTEGER NOT NULL,
    expires INTEGER,
    revoked INTEGER
) STRICT;
CREATE INDEX access_keys_of ON access_keys (user, n);

-- A login and its family of refresh tokens: only the one of this `generation` is good; `salt` makes them.
CREATE TABLE logins (
    n          INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    user       INTEGER NOT NULL REFERENCES users (n),
    salt       BLOB    NOT NULL,
    generation INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    agent      TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    refreshed  INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    ended      INTEGER,
    why        TEXT
) STRICT;
CREATE INDEX logins_of ON logins (user, n);

-- Which user made it; nobody for what was made on the machine itself.
ALTER TABLE sessions ADD COLUMN person TEXT;
ALTER TABLE runs ADD COLUMN person TEXT;
ALTER TABLE jobs ADD COLUMN person TEXT;
ALTER TABLE calls ADD COLUMN person TEXT;
ALTER TABLE memories ADD COLUMN person TEXT;

INSERT INTO replay_start (name, last) VALUES ('users', 0), ('access_keys', 0), ('logins', 0);
