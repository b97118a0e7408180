//! The database: every table, every statement, every migration.
