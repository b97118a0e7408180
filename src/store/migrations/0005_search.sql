-- What the search index has to read again: a changed thing gets a new number, a removed one stays as a tombstone.
CREATE TABLE search_docs (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;
