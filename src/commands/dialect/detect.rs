//! Which adapter a file is given to.
