-- What was said into a microphone: kept as a file until its text stands here, so that no words are lost when nobody could
-- write them down. `file` is a name in the folder of recordings.
CREATE TABLE recordings (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    owner    TEXT    NOT NULL,
    file     TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    status   TEXT    NOT NULL,
    ms       INTEGER NOT NULL,
    tries    INTEGER NOT NULL,
    engine   TEXT,
    language TEXT,
    text     TEXT,
    error    TEXT,
    created  INTEGER NOT NULL,
    finished INTEGER
) STRICT;
CREATE INDEX recordings_by_status ON recordings (owner, status, id);
INSERT INTO replay_start (name, last) VALUES ('recordings', 0);
