-- What the rows that a change wrote look like after it, so that the log alone says what the tables hold. It belongs to
-- the payload: the same hash covers it, and it is erased with it.
ALTER TABLE event_payloads ADD COLUMN rows TEXT;

-- Rows up to here were written before the log said what they look like; they are judged from their next change on.
CREATE TABLE replay_start (
    name TEXT    PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO replay_start (name, last)
    SELECT 'sources', ifnull(max(n), 0) FROM sources UNION ALL
    SELECT 'grants', ifnull(max(n), 0) FROM grants UNION ALL
    SELECT 'runs', ifnull(max(n), 0) FROM runs UNION ALL
    SELECT 'run_steps', ifnull(max(n), 0) FROM runs UNION ALL
    SELECT 'sessions', ifnull(max(n), 0) FROM sessions UNION ALL
    SELECT 'messages', ifnull(max(n), 0) FROM messages UNION ALL
    SELECT 'calls', ifnull(max(n), 0) FROM calls UNION ALL
    SELECT 'memories', ifnull(max(n), 0) FROM memories UNION ALL
    SELECT 'tool_grants', ifnull(max(granted_at), 0) FROM tool_grants UNION ALL
    SELECT 'pins', ifnull(max(at), 0) FROM pins;
