//! Derivatives against differences. (being written)
