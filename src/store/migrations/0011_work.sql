-- Automations, their firings and the work they owe.

-- Definitions that a person let fire by themselves, each as it was then. `stopped` says since when, and `why`, the program
-- does not let it fire any more.
CREATE TABLE automations (
    n       INTEGER PRIMARY KEY,
    owner   TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    command TEXT    NOT NULL,
    digest  TEXT    NOT NULL,
    cwd     TEXT    NOT NULL,
    enabled INTEGER NOT NULL,
    stopped INTEGER,
    why     TEXT,
    UNIQUE (owner, source, command)
) STRICT;

-- What happened that an automation waits for, and what came of it: the trace. `count` tells how often the same came of it
-- until `last`, where that was too often to write each time.
CREATE TABLE firings (
    n       INTEGER PRIMARY KEY,
    id      TEXT    NOT NULL UNIQUE,
    owner   TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    command TEXT    NOT NULL,
    digest  TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    nr      INTEGER NOT NULL,
    key     TEXT,
    trace   TEXT    NOT NULL,
    depth   INTEGER NOT NULL,
    data    TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    why     TEXT,
    seen    TEXT    NOT NULL,
    job     TEXT,
    count   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    last    INTEGER NOT NULL
) STRICT;
-- Told twice, it fires once.
CREATE UNIQUE INDEX firings_by_key ON firings (owner, source, command, key) WHERE key IS NOT NULL;
CREATE INDEX firings_of ON firings (owner, source, command, n);
CREATE INDEX firings_by_trace ON firings (trace);

-- Work owed. Whoever works on one writes its process down and raises the epoch; only that epoch may say how it ended.
CREATE TABLE jobs (
    n             INTEGER PRIMARY KEY,
    id            TEXT    NOT NULL UNIQUE,
    owner         TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    source        TEXT    NOT NULL,
    command       TEXT    NOT NULL,
    digest        TEXT    NOT NULL,
    work          TEXT    NOT NULL,
    key           TEXT,
    lane          TEXT,
    trace         TEXT    NOT NULL,
    priority      INTEGER NOT NULL,
    status        TEXT    NOT NULL,
    due           INTEGER NOT NULL,
    tries         INTEGER NOT NULL,
    lost          INTEGER NOT NULL,
    most          INTEGER NOT NULL,
    epoch         INTEGER NOT NULL,
    stop          INTEGER NOT NULL,
    pid           INTEGER,
    process_start INTEGER,
    boot          TEXT,
    run           TEXT,
    exit_code     INTEGER,
    error         TEXT,
    created       INTEGER NOT NULL,
    begun         INTEGER,
    finished      INTEGER
) STRICT;
CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, key) WHERE key IS NOT NULL;
CREATE INDEX jobs_open ON jobs (owner, status, due) WHERE finished IS NULL;
CREATE INDEX jobs_open_of ON jobs (owner, source, command) WHERE finished IS NULL;
CREATE INDEX jobs_of ON jobs (owner, source, command, n);
CREATE INDEX jobs_in_lane ON jobs (lane) WHERE status = 'running';

-- The job that a run belongs to, and which try of it.
ALTER TABLE runs ADD COLUMN job TEXT;
ALTER TABLE runs ADD COLUMN job_epoch INTEGER;
CREATE INDEX runs_of_job ON runs (job) WHERE job IS NOT NULL;

-- What will fire unless something else happens first: `for=` and `debounce=`.
CREATE TABLE holds (
    owner   TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    command TEXT    NOT NULL,
    nr      INTEGER NOT NULL,
    subject TEXT    NOT NULL,
    digest  TEXT    NOT NULL,
    why     TEXT    NOT NULL,
    kind    TEXT    NOT NULL,
    data    TEXT    NOT NULL,
    key     TEXT,
    depth   INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    due     INTEGER NOT NULL,
    PRIMARY KEY (owner, source, command, nr, subject)
) STRICT, WITHOUT ROWID;

-- Up to when the times of a trigger were looked at.
CREATE TABLE marks (
    owner   TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    command TEXT    NOT NULL,
    nr      INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (owner, source, command, nr)
) STRICT, WITHOUT ROWID;

-- Which process holds something of which there is one on a machine.
CREATE TABLE leases (
    owner         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    pid           INTEGER NOT NULL,
    process_start INTEGER NOT NULL,
    boot          TEXT    NOT NULL,
    epoch         INTEGER NOT NULL,
    held          INTEGER NOT NULL,
    since         INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

INSERT INTO replay_start (name, last) VALUES ('automations', 0), ('firings', 0), ('jobs', 0);
