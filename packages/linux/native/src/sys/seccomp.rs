//! Loading a compiled filter.

use rustix::io::{Errno, Result};

use super::check;

/// Loads a program of `struct sock_filter`s for this process. Once it works there is no way back.
pub fn load(program: &[u8], flags: u32) -> Result<()> {
    if program.is_empty() || !program.len().is_multiple_of(8) || program.len() / 8 > usize::from(u16::MAX) {
        return Err(Errno::INVAL);
    }
    let filters: Vec<libc::sock_filter> = program
        .chunks_exact(8)
        .map(|c| libc::sock_filter {
            code: u16::from_le_bytes([c[0], c[1]]),
            jt: c[2],
            jf: c[3],
            k: u32::from_le_bytes([c[4], c[5], c[6], c[7]]),
        })
        .collect();
    let fprog = libc::sock_fprog { len: filters.len() as u16, filter: filters.as_ptr().cast_mut() };
    // SAFETY: `fprog` describes `filters`, which outlives the call; the kernel only reads both.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const fprog) })?;
    Ok(())
}
