//! What a test of filters needs from the kernel and Node cannot do: read the filter that another process carries, and
//! make single system calls under a filter. One file without crates, so that `rustc` alone builds it.
//!
//! `dump PID`    one line a filter, oldest first, in hexadecimal; nothing for a process without filters.
//! `calls FILE`  FILE is a program (an array of `struct sock_filter`), `-` for none. Each line of standard input is
//!               `ABI NUMBER ARG0..ARG5` (ABI 64: `syscall`, 32: `int 0x80`). Every call is made in a child of its own.
//!               One line of answer each: `value N` (negative: an errno), or `signal N` when the kernel killed the child.
//! `check`       each line of standard input is a program in hexadecimal. One line of answer each: `taken` by the kernel,
//!               or `refused N` with the errno.

use std::arch::asm;
use std::ffi::{c_int, c_long, c_void};
use std::io::BufRead;
use std::{fs, process, ptr};

extern "C" {
    fn ptrace(request: c_long, pid: c_long, address: usize, data: *mut c_void) -> c_long;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn fork() -> c_int;
    fn mmap(address: *mut c_void, length: usize, protection: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void;
    fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int;
    fn setrlimit(resource: c_int, limit: *const [u64; 2]) -> c_int;
    fn alarm(seconds: u32) -> u32;
}

const PTRACE_DETACH: c_long = 17;
const PTRACE_SEIZE: c_long = 0x4206;
const PTRACE_INTERRUPT: c_long = 0x4207;
const PTRACE_SECCOMP_GET_FILTER: c_long = 0x420c;
const WAIT_ALL: c_int = 0x4000_0000; // __WALL: also clones
const ENOENT: i32 = 2;

#[repr(C)]
struct Program {
    length: u16,
    filter: *const u8,
}

#[repr(C)]
struct Answer {
    done: i64,
    value: i64,
}

fn fail(what: &str) -> ! {
    eprintln!("seccomp-helper: {what}: {}", std::io::Error::last_os_error());
    process::exit(1)
}

fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn dump(pid: c_long) {
    unsafe {
        if ptrace(PTRACE_SEIZE, pid, 0, ptr::null_mut()) < 0 {
            fail("cannot trace the process");
        }
        if ptrace(PTRACE_INTERRUPT, pid, 0, ptr::null_mut()) < 0 {
            fail("cannot stop the process");
        }
        let mut status = 0;
        if waitpid(pid as c_int, &mut status, WAIT_ALL) < 0 {
            fail("cannot wait for the process");
        }
        for index in 0.. {
            let count = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, ptr::null_mut());
            if count < 0 {
                // ENOENT: no more filters. EINVAL at the first: the process is in no filter mode.
                if errno() == ENOENT || index == 0 {
                    break;
                }
                fail("cannot read the filter");
            }
            let mut bytes = vec![0u8; count as usize * 8];
            if ptrace(PTRACE_SECCOMP_GET_FILTER, pid, index, bytes.as_mut_ptr().cast()) < 0 {
                fail("cannot read the filter");
            }
            println!("{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        }
        ptrace(PTRACE_DETACH, pid, 0, ptr::null_mut());
    }
}

unsafe fn call64(number: u64, a: [u64; 6]) -> i64 {
    let value: i64;
    asm!("syscall", inlateout("rax") number => value, in("rdi") a[0], in("rsi") a[1], in("rdx") a[2], in("r10") a[3],
        in("r8") a[4], in("r9") a[5], out("rcx") _, out("r11") _);
    value
}

/// The 32-bit entry takes its sixth argument in `ebp`, which no test needs, and its first in `ebx`, which the compiler reserves.
unsafe fn call32(number: u64, a: [u64; 6]) -> i64 {
    let value: i64;
    asm!("xchg rbx, {first}", "int 0x80", "xchg rbx, {first}", first = inout(reg) a[0] => _, inlateout("rax") number => value,
        in("rcx") a[1], in("rdx") a[2], in("rsi") a[3], in("rdi") a[4], out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    i64::from(value as i32)
}

/// The errno with which the kernel refuses the filter.
unsafe fn load(filter: &[u8]) -> Result<(), i32> {
    let program = Program { length: (filter.len() / 8) as u16, filter: filter.as_ptr() };
    if prctl(38, 1, 0, 0, 0) != 0 || prctl(22, 2, &program as *const Program as usize, 0, 0) != 0 {
        return Err(errno());
    }
    Ok(())
}

/// In the child. The filter may forbid every way to end, so the answer goes by shared memory and the end may be a trap.
unsafe fn child(filter: &[u8], abi: u64, number: u64, a: [u64; 6], answer: *mut Answer) -> ! {
    setrlimit(4, &[0, 0]); // RLIMIT_CORE: a killed child leaves no core file
    alarm(5);
    if !filter.is_empty() && load(filter).is_err() {
        fail("the kernel refused the filter");
    }
    let value = if abi == 32 { call32(number, a) } else { call64(number, a) };
    ptr::write_volatile(&mut (*answer).value, value);
    ptr::write_volatile(&mut (*answer).done, 1);
    call64(231, [0; 6]);
    asm!("ud2", options(noreturn));
}

/// Memory that a child writes and its parent reads.
fn shared() -> *mut Answer {
    let answer = unsafe { mmap(ptr::null_mut(), 4096, 3, 0x21, -1, 0) }.cast::<Answer>();
    if answer as isize == -1 {
        fail("no memory");
    }
    answer
}

fn parse_hex(line: &str) -> Vec<u8> {
    let digit = |letter: u8| (letter as char).to_digit(16).unwrap_or_else(|| fail("a line is not hexadecimal")) as u8;
    line.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// A taken program filters its child from then on, so the child writes its answer first and corrects it when refused.
fn check() {
    let answer = shared();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let filter = parse_hex(line.trim());
        unsafe {
            ptr::write_volatile(answer, Answer { done: 1, value: 0 });
            let pid = fork();
            if pid < 0 {
                fail("cannot fork");
            }
            if pid == 0 {
                setrlimit(4, &[0, 0]);
                if let Err(code) = load(&filter) {
                    ptr::write_volatile(&mut (*answer).value, i64::from(code));
                }
                asm!("ud2", options(noreturn));
            }
            let mut status = 0;
            if waitpid(pid, &mut status, 0) < 0 {
                fail("cannot wait for a child");
            }
            match ptr::read_volatile(&(*answer).value) {
                0 => println!("taken"),
                code => println!("refused {code}"),
            }
        }
    }
}

fn calls(filter: &[u8]) {
    let answer = shared();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let numbers: Vec<u64> = line.split_whitespace().map(|word| word.parse().unwrap_or_else(|_| fail("a line is no list of numbers"))).collect();
        if numbers.len() < 2 || numbers.len() > 8 {
            fail("a line needs an ABI, a number and up to six arguments");
        }
        let mut arguments = [0u64; 6];
        arguments[..numbers.len() - 2].copy_from_slice(&numbers[2..]);
        unsafe {
            ptr::write_volatile(answer, Answer { done: 0, value: 0 });
            let pid = fork();
            if pid < 0 {
                fail("cannot fork");
            }
            if pid == 0 {
                child(filter, numbers[0], numbers[1], arguments, answer);
            }
            let mut status = 0;
            if waitpid(pid, &mut status, 0) < 0 {
                fail("cannot wait for a child");
            }
            let Answer { done, value } = ptr::read_volatile(answer);
            if done == 1 {
                println!("value {value}");
            } else if status & 0x7f != 0 {
                println!("signal {}", status & 0x7f);
            } else {
                eprintln!("seccomp-helper: the child ended with {} before the call", status >> 8);
                process::exit(1);
            }
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["dump", pid] => dump(pid.parse().unwrap_or_else(|_| fail("no process id"))),
        ["check"] => check(),
        ["calls", "-"] => calls(&[]),
        ["calls", file] => calls(&fs::read(file).unwrap_or_else(|_| fail("cannot read the program"))),
        _ => {
            eprintln!("usage: seccomp-helper dump PID | seccomp-helper calls FILE | seccomp-helper check");
            process::exit(2);
        }
    }
}
