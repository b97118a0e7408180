-- Firings whose work began in the moment they came: all that their rows in other tables will say, until the next change of the
-- store writes those.
CREATE TABLE begun (
    n       INTEGER PRIMARY KEY,
    owner   TEXT    NOT NULL,
    firing  TEXT    NOT NULL,
    job     TEXT    NOT NULL,
    run     TEXT    NOT NULL,
    trace   TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    person  TEXT,
    what    TEXT    NOT NULL,
    record  TEXT    NOT NULL,
    process TEXT    NOT NULL
) STRICT;

-- Grows whenever a permission or a plugin changes, as that of the definitions does with those: what was found out about what
-- may run holds as long as both are as they were.
INSERT INTO counters (name, value) VALUES ('allowed', 0);
CREATE TRIGGER grants_added AFTER INSERT ON grants BEGIN UPDATE counters SET value = value + 1 WHERE name = 'allowed'; END;
CREATE TRIGGER grants_changed AFTER UPDATE ON grants BEGIN UPDATE counters SET value = value + 1 WHERE name = 'allowed'; END;
CREATE TRIGGER grants_removed AFTER DELETE ON grants BEGIN UPDATE counters SET value = value + 1 WHERE name = 'allowed'; END;
CREATE TRIGGER plugins_added AFTER INSERT ON plugins BEGIN UPDATE counters SET value = value + 1 WHERE name = 'allowed'; END;
CREATE TRIGGER plugins_changed AFTER UPDATE ON plugins BEGIN UPDATE counters SET value = value + 1 WHERE name = 'allowed'; END;
CREATE TRIGGER plugins_removed AFTER DELETE ON plugins BEGIN UPDATE counters SET value = value + 1 WHERE name = 'allowed'; END;
