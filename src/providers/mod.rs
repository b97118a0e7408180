//! Models of every vendor behind one face.

pub mod model;
