//! The native half of `@gantry/linux`. `../../PROTOCOL.md` is the contract; `../README.md` the map of modules.

pub mod fs;
pub mod wire;

/// The program: chooses the role. Returns the exit code.
pub fn main() -> i32 {
    2
}
