#![doc = include_str!("../conventions.md")]
//!
//! The above is the head of `include/aios.h`, which is made of these sources. One file has one type of C,
//! with the functions on it. [`boundary`] is what every function runs in, [`handle`] what a handle is,
//! [`view`] and [`sized`] what goes over the boundary, [`status`] how errors become numbers.
#![expect(
    unsafe_code,
    reason = "memory of C in `view`, `sized`, `last_error`; its functions in `subscription`; what is pinned in `published`"
)]
#![expect(non_camel_case_types, reason = "types have the names that C has for them")]
#![expect(unreachable_pub, reason = "C reaches what is exported by its name")]

mod blob;
mod boundary;
mod buffer;
mod changes;
mod context;
mod engine;
mod entries;
mod environments;
mod handle;
mod last_error;
mod look;
mod plan;
mod progress;
mod published;
mod reader;
mod recall;
mod repair;
mod rows;
mod sized;
mod snapshot;
mod state;
mod status;
mod subscription;
mod version;
mod view;

// Layouts of structs are compared with those of other languages, which have them for 64 bits.
const _: () = assert!(size_of::<usize>() == 8, "the C interface is for systems of 64 bits");
