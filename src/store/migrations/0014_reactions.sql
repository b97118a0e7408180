-- Signs that people put on messages; nobody (an empty person) is whoever works on the machine itself.
CREATE TABLE reactions (
    message INTEGER NOT NULL REFERENCES messages (n),
    sign    TEXT    NOT NULL,
    person  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (message, sign, person)
) STRICT, WITHOUT ROWID;
