-- The next work to be taken, found without a look at all that waits.
CREATE INDEX jobs_next ON jobs (owner, priority DESC, due, n) WHERE status = 'waiting' AND finished IS NULL;
-- What of a batch is not over yet.
CREATE INDEX jobs_open_by_key ON jobs (owner, key) WHERE finished IS NULL AND kind = 'run';
