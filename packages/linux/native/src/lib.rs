//! The native half of `@gantry/linux`. `../../PROTOCOL.md` is the contract; `../README.md` the map of modules.

pub mod base64;
mod cgroup;
mod channel;
mod clock;
pub mod conn;
#[doc(hidden)]
pub mod error;
mod files;
pub mod fs;
mod init;
mod keeper;
#[doc(hidden)]
pub mod mounts;
pub mod plan;
mod poll;
pub mod protocol;
mod seed;
pub mod setup;
mod sys;
pub mod wire;
mod zygote;

/// The program: chooses the role. Returns the exit code.
pub fn main() -> i32 {
    // What is no UTF-8 becomes an argument that nothing accepts.
    let mut args = std::env::args_os().map(|arg| arg.into_string().unwrap_or_default());
    let _ = args.next();
    match args.next().as_deref() {
        Some("zygote") => zygote::start(args),
        Some(zygote::DETACHED) => zygote::serve(args),
        Some("version") => {
            println!("gantry-native {} protocol {}", env!("CARGO_PKG_VERSION"), conn::VERSION);
            0
        }
        _ => {
            eprintln!("usage: gantry-native zygote --socket PATH --instance HEX8 --build ID [--log FILE] | version");
            2
        }
    }
}
