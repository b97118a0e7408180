-- Plugins: what they may do, what they keep, how they fared.
-- A row says what was allowed: these bytes (`digest`) with this manifest; `place` is where they lie.
CREATE TABLE plugins (
    owner    TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    place    TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    manifest TEXT    NOT NULL,
    enabled  INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    error    TEXT,
    at       INTEGER NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT;
INSERT INTO replay_start (name, last) VALUES ('plugins', 0);
-- What a plugin keeps for itself.
CREATE TABLE plugin_values (
    owner  TEXT NOT NULL,
    plugin TEXT NOT NULL,
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (owner, plugin, key)
) STRICT, WITHOUT ROWID;
-- What plugins wrote into their logs; only the last lines are kept.
CREATE TABLE plugin_lines (
    n      INTEGER PRIMARY KEY,
    owner  TEXT    NOT NULL,
    plugin TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    level  TEXT    NOT NULL,
    text   TEXT    NOT NULL
) STRICT;
CREATE INDEX plugin_lines_by_plugin ON plugin_lines (owner, plugin, n);
-- How far a plugin has heard the event log, and when it was woken: whoever moves a mark does the work.
CREATE TABLE plugin_marks (
    owner  TEXT    NOT NULL,
    plugin TEXT    NOT NULL,
    mark   TEXT    NOT NULL,
    value  INTEGER NOT NULL,
    PRIMARY KEY (owner, plugin, mark)
) STRICT, WITHOUT ROWID;
