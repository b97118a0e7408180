-- Every execution. Ids grow with time, so the newest come first by id.
CREATE TABLE runs (
    n             INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    owner         TEXT    NOT NULL,
    command       TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    trigger       TEXT    NOT NULL,
    args          TEXT    NOT NULL,
    cwd           TEXT    NOT NULL,
    trace         TEXT    NOT NULL,
    zone          TEXT,
    pid           INTEGER,
    process_start INTEGER,
    boot          TEXT,
    steps_planned INTEGER NOT NULL,
    status        TEXT    NOT NULL,
    exit_code     INTEGER,
    started       INTEGER NOT NULL,
    finished      INTEGER
) STRICT;
CREATE INDEX runs_by_command ON runs (command, id);
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_open ON runs (id) WHERE finished IS NULL;

-- What each step did. Output is kept as bytes: its beginning, its end, and how much there was.
CREATE TABLE run_steps (
    run          INTEGER NOT NULL REFERENCES runs (n),
    n            INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    lang         TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    exit_code    INTEGER,
    duration_us  INTEGER NOT NULL,
    stdout_total INTEGER NOT NULL,
    stdout_spill TEXT,
    stderr_total INTEGER NOT NULL,
    stderr_spill TEXT,
    stdout_head  BLOB    NOT NULL,
    stdout_tail  BLOB    NOT NULL,
    stderr_head  BLOB    NOT NULL,
    stderr_tail  BLOB    NOT NULL,
    PRIMARY KEY (run, n)
) STRICT;
