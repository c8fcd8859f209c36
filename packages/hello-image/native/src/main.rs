//! The program of the image `hello`: greets, and shows what the kernel says to a process inside a container.
//! Everything is read from /proc and /sys, so that what it prints is what is really there.

mod facts;

use std::io::{IsTerminal, Write};

fn main() {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (bold, dim, off) = if colour { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    let mut text = format!("{bold}Hello from Gantry!{off}\n\nThis program runs in a container. What it sees from inside:\n\n");
    for (name, value) in facts::all() {
        text.push_str(&format!("  {dim}{name:<14}{off}{value}\n"));
    }
    text.push_str("\nNow try:\n  gantry pull debian:12\n  gantry run --rm -i debian:12 cat /etc/os-release\n  gantry run --help\n");
    if std::io::stdout().write_all(text.as_bytes()).is_err() {
        std::process::exit(1);
    }
}
