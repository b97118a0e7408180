-- Each user names chats for themselves, so that nobody learns from a taken name that another's chat is called so. The first
-- table held names unique for all; its column stays empty.
ALTER TABLE sessions RENAME COLUMN name TO name_for_all;
ALTER TABLE sessions ADD COLUMN name TEXT;
UPDATE sessions SET name = name_for_all, name_for_all = NULL WHERE name_for_all IS NOT NULL;
CREATE UNIQUE INDEX sessions_named ON sessions (owner, ifnull(person, ''), name) WHERE name IS NOT NULL;
