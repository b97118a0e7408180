-- Which step of the run a step undid, where it ran only for that.
ALTER TABLE run_steps ADD COLUMN undoes TEXT;
