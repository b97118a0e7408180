-- Where definitions come from.
CREATE TABLE sources (
    n             INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    owner         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    spec          TEXT    NOT NULL,
    rank          INTEGER NOT NULL,
    reference     TEXT,
    commit_id     TEXT,
    etag          TEXT,
    last_modified TEXT,
    fetched_at    INTEGER,
    state         TEXT    NOT NULL,
    error         TEXT,
    rate          TEXT,
    options       TEXT    NOT NULL,
    renamed_to    TEXT,
    added_at      INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;
CREATE INDEX sources_by_spec ON sources (owner, spec);

-- The files of a source as they were when they were last read.
CREATE TABLE source_files (
    source INTEGER NOT NULL REFERENCES sources (n),
    path   TEXT    NOT NULL,
    stamp  INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    blob   TEXT,
    PRIMARY KEY (source, path)
) STRICT, WITHOUT ROWID;

-- What a list shows of a definition.
CREATE TABLE definitions (
    n        INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    source   INTEGER NOT NULL REFERENCES sources (n),
    path     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    folded   TEXT    NOT NULL,
    aliases  TEXT    NOT NULL,
    dialect  TEXT    NOT NULL,
    category TEXT,
    summary  TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX definitions_by_file ON definitions (source, path);

-- The heavy part, apart, so that lists stay quick.
CREATE TABLE definition_bodies (
    definition  INTEGER PRIMARY KEY REFERENCES definitions (n),
    json        TEXT NOT NULL,
    search_body TEXT NOT NULL
) STRICT;

-- Every name and alias, folded as names are compared.
CREATE TABLE definition_names (
    folded     TEXT    NOT NULL,
    definition INTEGER NOT NULL REFERENCES definitions (n),
    source     INTEGER NOT NULL REFERENCES sources (n),
    alias      INTEGER NOT NULL,
    PRIMARY KEY (folded, definition)
) STRICT, WITHOUT ROWID;
CREATE INDEX definition_names_by_definition ON definition_names (definition);

-- Small numbers that only grow; `definitions` changes whenever a source or a definition does.
CREATE TABLE counters (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('definitions', 0);
