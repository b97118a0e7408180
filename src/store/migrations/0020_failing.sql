-- How often each hook, command and tool of a plugin failed since it last did well, by name (JSON): one that does well does
-- not make good what another fails at. `failures` is the most of them; nothing stands here where none failed.
ALTER TABLE plugins ADD COLUMN failing TEXT;
