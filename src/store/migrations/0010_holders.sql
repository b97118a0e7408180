-- Which process forgets a temporary chat when it ends. Another one does it where that was killed.
CREATE TABLE session_holders (
    session       INTEGER PRIMARY KEY REFERENCES sessions (n),
    pid           INTEGER NOT NULL,
    process_start INTEGER NOT NULL,
    boot          TEXT    NOT NULL
) STRICT;
CREATE INDEX sessions_temporary ON sessions (owner) WHERE temporary;
