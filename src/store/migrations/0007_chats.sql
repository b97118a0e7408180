-- Conversations. What is said in one stands in messages, which form a tree; `updated` is when something was last said.
CREATE TABLE sessions (
    n             INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    owner         TEXT    NOT NULL,
    name          TEXT,
    title         TEXT,
    model         TEXT,
    system        TEXT,
    settings      TEXT    NOT NULL,
    pinned        INTEGER NOT NULL,
    archived      INTEGER NOT NULL,
    temporary     INTEGER NOT NULL,
    imported_from TEXT,
    head          TEXT,
    messages      INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    updated       INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;
CREATE INDEX sessions_by_use ON sessions (owner, archived, pinned, updated, id);
CREATE INDEX sessions_by_last ON sessions (owner, updated, id) WHERE NOT archived AND NOT temporary;

CREATE TABLE session_tags (
    session INTEGER NOT NULL REFERENCES sessions (n),
    tag     TEXT    NOT NULL,
    PRIMARY KEY (session, tag)
) STRICT, WITHOUT ROWID;

-- Messages are never edited in place: an answer is filled in once, everything else is a new row.
CREATE TABLE messages (
    n             INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    owner         TEXT    NOT NULL,
    session       INTEGER NOT NULL REFERENCES sessions (n),
    parent        TEXT,
    role          TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    words         TEXT    NOT NULL,
    parts         TEXT    NOT NULL,
    model         TEXT,
    command       TEXT,
    summary_of    TEXT,
    tokens        INTEGER,
    error         TEXT,
    pid           INTEGER,
    process_start INTEGER,
    boot          TEXT,
    created       INTEGER NOT NULL,
    finished      INTEGER
) STRICT;
CREATE INDEX messages_by_session ON messages (session, id);
CREATE INDEX messages_by_parent ON messages (parent);
CREATE INDEX messages_by_time ON messages (owner, created, id);
CREATE INDEX messages_open ON messages (id) WHERE status = 'pending';
CREATE INDEX messages_summaries ON messages (session) WHERE summary_of IS NOT NULL;

-- The bytes of attached files, once each however often they are sent.
CREATE TABLE attachments (
    n    INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    data TEXT NOT NULL
) STRICT;
CREATE TABLE message_attachments (
    message    INTEGER NOT NULL REFERENCES messages (n),
    attachment INTEGER NOT NULL REFERENCES attachments (n),
    PRIMARY KEY (message, attachment)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_attachments_by_attachment ON message_attachments (attachment);

-- Every request to a model: begun before it is sent, ended when its answer is there or given up.
CREATE TABLE calls (
    n              INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    owner          TEXT    NOT NULL,
    session        TEXT,
    message        TEXT,
    run            TEXT,
    command        TEXT,
    purpose        TEXT    NOT NULL,
    model          TEXT    NOT NULL,
    trace          TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    input          INTEGER,
    output         INTEGER,
    cached         INTEGER,
    cache_written  INTEGER,
    reasoning      INTEGER,
    cost_micros    INTEGER,
    first_token_ms INTEGER,
    duration_ms    INTEGER,
    from_cache     INTEGER NOT NULL,
    error          TEXT,
    started        INTEGER NOT NULL,
    finished       INTEGER
) STRICT;
CREATE INDEX calls_by_time ON calls (owner, started);
CREATE INDEX calls_by_session ON calls (session) WHERE session IS NOT NULL;

-- What a person asked to be remembered.
CREATE TABLE memories (
    n       INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    owner   TEXT    NOT NULL,
    text    TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- Answers that may be given again. No fact: it can be emptied at any time.
CREATE TABLE cache (
    owner   TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    value   TEXT    NOT NULL,
    size    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX cache_by_use ON cache (used);
INSERT INTO counters (name, value) VALUES ('cache_hits', 0), ('cache_misses', 0);

-- Tools that a person allowed for one chat, by the hash of their definition.
CREATE TABLE tool_grants (
    owner      TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    tool       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (owner, session, tool, digest)
) STRICT, WITHOUT ROWID;

-- Definitions from elsewhere as a person last accepted them.
CREATE TABLE pins (
    owner TEXT    NOT NULL,
    kind  TEXT    NOT NULL,
    key   TEXT    NOT NULL,
    hash  TEXT    NOT NULL,
    text  TEXT    NOT NULL,
    at    INTEGER NOT NULL,
    PRIMARY KEY (owner, kind, key)
) STRICT, WITHOUT ROWID;
