//! From root of the keeper's making to the container's user, and the exec.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capability_is_in_bounding_set, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities, set_keep_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::resolve::{PROC_SUPER_MAGIC, open_in};
use super::{die_with_keeper, expect};
use crate::base64;
use crate::channel::{self, NO_EXEC, START};
use crate::error::{Context, Fail, Result};
use crate::plan::{Caps, Process};
use crate::sys::exec::{CStrings, cloexec_from, execve};
use crate::sys::process::{set_fs_uid, set_rlimit};
use crate::sys::{seccomp, signal};

/// This process's folder in a procfs that the container cannot reach.
pub struct ProcSelf {
    dir: OwnedFd,
    /// Opened while this process is still whom the file belongs to.
    oom_score_adj: OwnedFd,
}

impl ProcSelf {
    pub fn open() -> Result<Self> {
        let dir = rustix::fs::open("/proc/self", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .step("open /proc/self")?;
        if rustix::fs::fstatfs(&dir).step("fstatfs")?.f_type != PROC_SUPER_MAGIC {
            return Err(Fail::internal("/proc is no procfs"));
        }
        let oom_score_adj = rustix::fs::openat(&dir, "oom_score_adj", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .step("open oom_score_adj")?;
        Ok(Self { dir, oom_score_adj })
    }

    /// The zygote's own value, low so that containers go before it, is for no container.
    fn set_oom_score(&self, wanted: i32) -> Result<()> {
        let mut now = [0u8; 16];
        let n = rustix::io::read(&self.oom_score_adj, &mut now[..]).step("read oom_score_adj")?;
        let now = std::str::from_utf8(&now[..n]).ok().and_then(|text| text.trim().parse::<i32>().ok());
        if now == Some(wanted) {
            return Ok(());
        }
        rustix::io::write(&self.oom_score_adj, wanted.to_string().as_bytes()).step("write oom_score_adj")?;
        Ok(())
    }

    fn write(&self, names: &[&str], data: &str) -> Result<()> {
        let mut result = Err(Errno::NOENT);
        for name in names {
            result = rustix::fs::openat(&self.dir, *name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
            if !matches!(result, Err(Errno::NOENT)) {
                break;
            }
        }
        let file = result.step_with(|| format!("open {}", names[0]))?;
        rustix::io::write(&file, data.as_bytes()).step_with(|| format!("write {data:?} to {}", names[0]))?;
        Ok(())
    }
}

/// Root of a user namespace that this process has just come to be in.
pub fn become_root_of_namespace() -> Result<()> {
    set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).step("setresgid")?;
    match set_thread_groups(&[]) {
        // A namespace whose owner may not set groups has none to lose.
        Ok(()) | Err(Errno::PERM) => {}
        Err(errno) => return Err(Fail::os(errno, "setgroups")),
    }
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).step("setresuid")
}

/// Writes kernel settings through the seed's procfs, which nothing is mounted over and no container sees.
pub fn sysctls(settings: &[(String, String)]) -> Result<()> {
    for (name, value) in settings {
        // As sysctl(8): whichever separator comes first is the one, so that names of interfaces may hold dots.
        let dotted = name.find(['.', '/']).is_some_and(|at| name.as_bytes()[at] == b'.');
        let path = if dotted { swap_separators(name) } else { name.clone() };
        if path.is_empty() || path.split('/').any(|c| matches!(c, "" | "." | "..")) {
            return Err(Fail::invalid(format!("{name:?} is no sysctl")));
        }
        let root = rustix::fs::open("/proc/sys", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .step("open /proc/sys")?;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let file = open_in(root.as_fd(), &path, OFlags::WRONLY, resolve).step_with(|| format!("open sysctl {name}"))?;
        if rustix::fs::fstatfs(&file).step("fstatfs")?.f_type != PROC_SUPER_MAGIC {
            return Err(Fail::internal("the seed's /proc is no procfs"));
        }
        rustix::io::write(&file, value.as_bytes()).step_with(|| format!("write sysctl {name}"))?;
    }
    Ok(())
}

fn swap_separators(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect()
}

fn capability_set(text: &str) -> Result<CapabilitySet> {
    u64::from_str_radix(text, 16)
        .map(CapabilitySet::from_bits_retain)
        .map_err(|_| Fail::invalid(format!("{text:?} is no set of capabilities")))
}

/// The capabilities that this kernel has, one by one.
fn known_capabilities() -> impl Iterator<Item = (CapabilitySet, bool)> {
    (0..64).map_while(|bit| {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        capability_is_in_bounding_set(one).ok().map(|held| (one, held))
    })
}

fn limit_bounding_set(caps: &Caps) -> Result<()> {
    let keep = capability_set(&caps.bounding)?;
    for (one, held) in known_capabilities() {
        if held && !keep.contains(one) {
            remove_capability_from_bounding_set(one).step("drop from the bounding set")?;
        }
    }
    Ok(())
}

fn set_ambient(caps: &Caps) -> Result<()> {
    clear_ambient_capability_set().step("clear the ambient set")?;
    let ambient = capability_set(&caps.ambient)?;
    for one in known_capabilities().map(|(one, _)| one).filter(|one| ambient.contains(*one)) {
        configure_capability_in_ambient_set(one, true).step("raise the ambient set")?;
    }
    Ok(())
}

/// Opens the working folder as the user and goes there. One that only root can reach is allowed, as Docker does, since images
/// rely on it; one outside the root is not.
fn enter_cwd(process: &Process) -> Result<()> {
    let step = || format!("enter the working folder {}", process.cwd);
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step("open /")?;
    let open = || open_in(root.as_fd(), &process.cwd, OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::empty());
    set_fs_uid(process.uid).step("setfsuid")?;
    let as_user = open().and_then(|folder| rustix::process::fchdir(&folder));
    set_fs_uid(0).step("setfsuid")?;
    match as_user {
        Err(Errno::ACCESS) => {
            let folder = open().step_with(step)?;
            rustix::process::fchdir(&folder).step_with(step)?;
        }
        other => other.step_with(step)?,
    }
    // The kernel marks a folder that is not below the root.
    match rustix::process::getcwd(Vec::new()) {
        Ok(path) if path.to_bytes().starts_with(b"/") => Ok(()),
        Ok(_) => Err(Fail::os(Errno::NOENT, step())),
        Err(errno) => Err(Fail::os(errno, step())),
    }
}

/// The user may open again what it was given: pipes and its terminal. Anything else keeps its owner.
fn own_streams(process: &Process) -> Result<()> {
    let stdin = rustix::stdio::stdin();
    let (stdout, stderr) = (rustix::stdio::stdout(), rustix::stdio::stderr());
    for fd in [stdin, stdout, stderr] {
        let stat = rustix::fs::fstat(fd).step("fstat")?;
        let ours = FileType::from_raw_mode(stat.st_mode) == FileType::Fifo || rustix::termios::isatty(fd);
        if ours && stat.st_uid != process.uid {
            rustix::fs::fchown(fd, Some(Uid::from_raw(process.uid)), None).step("chown the streams")?;
        }
    }
    Ok(())
}

fn load_filter(process: &Process) -> Result<()> {
    let Some(filter) = &process.seccomp else { return Ok(()) };
    let program = base64::decode(&filter.bpf).ok_or_else(|| Fail::invalid("seccomp: base64"))?;
    seccomp::load(&program, filter.flags).step("load the seccomp filter")
}

/// Becomes the user. Afterwards only exec is left to do.
///
/// `make_cwd` and `finish_root` are what has to happen while there are still privileges for it.
pub fn assume(
    process: &Process,
    proc_self: &ProcSelf,
    make_cwd: impl FnOnce(&str) -> Result<()>,
    finish_root: impl FnOnce() -> Result<()>,
) -> Result<()> {
    proc_self.set_oom_score(process.oom_score_adj.unwrap_or(0))?;
    for (resource, soft, hard) in &process.rlimits {
        let number = |text: &String| text.parse().map_err(|_| Fail::invalid(format!("{text:?} is no limit")));
        set_rlimit(*resource, number(soft)?, number(hard)?).step_with(|| format!("set limit {resource}"))?;
    }
    if let Some(profile) = &process.apparmor {
        proc_self.write(&["attr/apparmor/exec", "attr/exec"], &format!("exec {profile}"))?;
    }
    if let Some(label) = &process.selinux {
        proc_self.write(&["attr/exec"], label)?;
    }
    make_cwd(&process.cwd)?;
    finish_root()?;
    limit_bounding_set(&process.caps)?;
    let groups: Vec<Gid> = process.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
    set_thread_groups(&groups).step("setgroups")?;
    let gid = Gid::from_raw(process.gid);
    set_thread_res_gid(gid, gid, gid).step("setresgid")?;
    enter_cwd(process)?;
    own_streams(process)?;
    signal::default_pipe();
    signal::unblock_all().step("sigprocmask")?;
    rustix::process::umask(Mode::from_raw_mode(process.umask.unwrap_or(0o022) & 0o777));
    if !process.no_new_privileges {
        // It takes CAP_SYS_ADMIN, which is about to go.
        load_filter(process)?;
    }
    set_keep_capabilities(true).step("keep capabilities")?;
    let uid = Uid::from_raw(process.uid);
    set_thread_res_uid(uid, uid, uid).step("setresuid")?;
    let caps = &process.caps;
    let sets = CapabilitySets {
        effective: capability_set(&caps.effective)?,
        permitted: capability_set(&caps.permitted)?,
        inheritable: capability_set(&caps.inheritable)?,
    };
    set_capabilities(None, sets).step("capset")?;
    set_ambient(caps)?;
    die_with_keeper()?;
    if process.no_new_privileges {
        set_no_new_privs(true).step("PR_SET_NO_NEW_PRIVS")?;
        load_filter(process)?;
    }
    Ok(())
}

/// A program ready to be executed: nothing is allocated between the order and the exec.
pub struct Program {
    candidates: Vec<CString>,
    args: CStrings,
    env: CStrings,
}

impl Program {
    pub fn new(process: &Process) -> Result<Self> {
        let text = |s: &String| CString::new(s.as_str()).map_err(|_| Fail::invalid("a zero byte in a string"));
        let name = process.args.first().ok_or_else(|| Fail::invalid("no program"))?;
        let candidates = if name.contains('/') {
            vec![text(name)?]
        } else {
            process
                .path
                .iter()
                .map(|dir| text(&format!("{}/{name}", dir.trim_end_matches('/'))))
                .collect::<Result<_>>()?
        };
        Ok(Self {
            candidates,
            args: CStrings::new(process.args.iter().map(text).collect::<Result<_>>()?),
            env: CStrings::new(process.env.iter().map(text).collect::<Result<_>>()?),
        })
    }

    /// Waits for the order and executes. If that cannot be, says so and ends as a shell would: 127 for what is not there, 126
    /// for what cannot be executed.
    pub fn run(&self, channel: &OwnedFd) -> ! {
        match expect(channel, START).and_then(|_| cloexec_from(3).step("close_range")) {
            Ok(()) => {}
            Err(failed) => super::fail(channel, &failed),
        }
        let errno = self.exec();
        let _ = channel::send(channel, NO_EXEC, errno.raw_os_error().to_string().as_bytes(), &[]);
        std::process::exit(if matches!(errno, Errno::NOENT | Errno::NOTDIR) { 127 } else { 126 })
    }

    /// The first candidate that can be executed. One that is there but may not be executed is the error if none can.
    fn exec(&self) -> Errno {
        let mut error = Errno::NOENT;
        for path in &self.candidates {
            match execve(path, &self.args, &self.env) {
                Errno::NOENT | Errno::NOTDIR => {}
                Errno::ACCESS => error = Errno::ACCESS,
                other => return other,
            }
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::swap_separators;

    #[test]
    fn sysctl_names() {
        assert_eq!(swap_separators("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    }
}
