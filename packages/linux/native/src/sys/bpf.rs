//! bpf(2): programs that decide which devices a control group of version 2 may use.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{Errno, Result};

use super::check;

const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;
const REPLACE: u32 = 4;

/// The size of struct bpf_insn.
const INSTRUCTION: usize = 8;

/// The part of union bpf_attr that BPF_PROG_LOAD reads; what follows it is zero.
#[repr(C)]
#[derive(Default)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

/// The part of union bpf_attr that BPF_PROG_ATTACH reads.
#[repr(C)]
struct Attach {
    target_fd: RawFd,
    attach_bpf_fd: RawFd,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: RawFd,
}

/// Loads a program of `struct bpf_insn`s; the kernel checks it.
pub fn load_device_program(program: &[u8]) -> Result<OwnedFd> {
    if program.is_empty() || !program.len().is_multiple_of(INSTRUCTION) {
        return Err(Errno::INVAL);
    }
    // The kernel wants instructions aligned as it reads them.
    let instructions: Vec<u64> = program
        .chunks_exact(INSTRUCTION)
        .map(|c| u64::from_ne_bytes([c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]]))
        .collect();
    let attr = Load {
        prog_type: TYPE_CGROUP_DEVICE,
        insn_cnt: instructions.len() as u32,
        insns: instructions.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        ..Load::default()
    };
    // SAFETY: `attr` has the kernel's layout and the size passed; what it points to outlives the call, and is only read.
    let fd = check(unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const attr, size_of::<Load>()) })?;
    // SAFETY: the kernel has just made this descriptor, close-on-exec, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Puts a program on a group, in the place of an earlier one if there is one: at no time is there none.
pub fn attach_device_program(
    group: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
    earlier: Option<BorrowedFd<'_>>,
) -> Result<()> {
    let attr = Attach {
        target_fd: group.as_raw_fd(),
        attach_bpf_fd: program.as_raw_fd(),
        attach_type: ATTACH_CGROUP_DEVICE,
        attach_flags: ALLOW_MULTI | if earlier.is_some() { REPLACE } else { 0 },
        replace_bpf_fd: earlier.map_or(0, |fd| fd.as_raw_fd()),
    };
    // SAFETY: `attr` has the kernel's layout and the size passed, and is only read.
    check(unsafe { libc::syscall(libc::SYS_bpf, PROG_ATTACH, &raw const attr, size_of::<Attach>()) })?;
    Ok(())
}
