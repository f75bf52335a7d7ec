//! The store of a context as other programs see it: processes that are killed, and readers in another
//! language.

mod format;
mod kill;
