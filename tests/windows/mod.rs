//! The program on Windows, beside real Pythons of Windows: nothing here is fabricated but the damage.
//!
//! The Pythons are those that `ci/windows-python DIR` makes; `AIOS_WINDOWS_PYTHONS` names the folder, as
//! Windows does. Without it there is nothing to look at: each test says so and ends, and where `CI` is set
//! it fails. Interpreters are run by the tests alone, to see that an environment works, or how it fails.

mod backup;
mod breakages;
mod healthy;
mod incident;
mod names;
mod places;
mod pythons;
mod registry;
mod repair;
