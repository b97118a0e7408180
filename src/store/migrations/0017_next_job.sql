-- The next work to be taken, found without a look at all that waits.
CREATE INDEX jobs_next ON jobs (owner, priority DESC, due, n) WHERE status = 'waiting' AND finished IS NULL;
