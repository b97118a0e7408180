-- Why a firing whose work had begun could not be written out; it is left where it is.
ALTER TABLE begun ADD COLUMN unread TEXT;
