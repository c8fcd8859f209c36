//! One line for each wall of the container, as the process inside can observe it.

use std::fs;

/// Names and values in the order in which they are shown.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("process", process()),
        ("hostname", read("/proc/sys/kernel/hostname").unwrap_or_else(unknown)),
        ("root", root()),
        ("files in /", files()),
        ("user", user()),
        ("capabilities", capabilities()),
        ("seccomp", seccomp()),
        ("no new privs", status("NoNewPrivs").map_or_else(unknown, |v| if v == "1" { "on".into() } else { "off".into() })),
        ("memory limit", memory()),
        ("cpu limit", cpu()),
        ("pids limit", limit(&["/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"]).unwrap_or_else(|| "none".into())),
        ("network", network()),
        ("kernel", format!("{} (shared with the host)", read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown))),
    ]
}

fn unknown() -> String {
    "unknown".into()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|s| s.trim().to_string())
}

/// A field of /proc/self/status (proc(5)).
fn status(field: &str) -> Option<String> {
    let text = read("/proc/self/status")?;
    status_in(&text, field)
}

fn status_in(text: &str, field: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(|v| v.trim().to_string())
}

fn process() -> String {
    let seen =
        fs::read_dir("/proc").map_or(0, |dir| dir.flatten().filter(|e| e.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit())).count());
    format!("PID {} of {} it can see", std::process::id(), seen)
}

fn root() -> String {
    let text = read("/proc/self/mountinfo").unwrap_or_default();
    root_in(&text).unwrap_or_else(unknown)
}

/// The mount at `/`: its type, whether it is read-only, and how many layers it is made of (proc(5), mountinfo).
fn root_in(mountinfo: &str) -> Option<String> {
    let line = mountinfo.lines().find(|line| line.split(' ').nth(4) == Some("/"))?;
    let (mount, filesystem) = line.split_once(" - ")?;
    let options = mount.split(' ').nth(5)?;
    let mut fields = filesystem.split(' ');
    let (kind, super_options) = (fields.next()?, fields.nth(1).unwrap_or(""));
    let access = if options.split(',').any(|o| o == "ro") { "read-only" } else { "writable" };
    if kind != "overlay" {
        return Some(format!("{kind}, {access}"));
    }
    let layers: usize = super_options
        .split(',')
        .map(|option| match option.split_once('=') {
            Some(("lowerdir", dirs)) => dirs.replace("\\:", "").split(':').filter(|d| !d.is_empty()).count(),
            Some(("lowerdir+", _)) => 1,
            _ => 0,
        })
        .sum();
    Some(format!("overlay of {layers} read-only layers, {access} on top"))
}

fn files() -> String {
    let Ok(dir) = fs::read_dir("/") else { return unknown() };
    let mut names: Vec<String> = dir.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.join(" ")
}

fn user() -> String {
    let first = |field: &str| status(field).and_then(|v| v.split_whitespace().next().map(str::to_string)).unwrap_or_else(unknown);
    format!("uid {}, gid {}", first("Uid"), first("Gid"))
}

/// capability.h, in the order of the bits.
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

fn capabilities() -> String {
    status("CapEff").and_then(|hex| u64::from_str_radix(&hex, 16).ok()).map_or_else(unknown, capability_names)
}

fn capability_names(bits: u64) -> String {
    let names: Vec<&str> = CAPABILITIES.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, name)| *name).collect();
    if names.is_empty() { "none".into() } else { format!("{} of {}: {}", names.len(), CAPABILITIES.len(), names.join(" ")) }
}

fn seccomp() -> String {
    match (status("Seccomp").as_deref(), status("Seccomp_filters")) {
        (Some("2"), Some(n)) => format!("{n} filter{}", if n == "1" { "" } else { "s" }),
        (Some("2"), None) => "filtered".into(),
        (Some("1"), _) => "strict".into(),
        (Some("0"), _) => "off".into(),
        _ => unknown(),
    }
}

/// cgroup v1 writes a limit of "none" as a huge number, v2 as `max`.
fn limit(paths: &[&str]) -> Option<String> {
    let value = paths.iter().find_map(|p| read(p))?;
    (value != "max").then_some(value)
}

fn memory() -> String {
    let bytes = limit(&["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"]).and_then(|v| v.parse::<u64>().ok());
    match bytes {
        Some(b) if b < 1 << 60 => format!("{} MiB", b >> 20),
        _ => "none".into(),
    }
}

fn cpu() -> String {
    let pair = match read("/sys/fs/cgroup/cpu.max") {
        Some(text) => text.split_once(' ').map(|(q, p)| (q.to_string(), p.to_string())),
        None => read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").zip(read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")),
    };
    let parsed = pair.and_then(|(q, p)| Some((q.parse::<f64>().ok()?, p.parse::<f64>().ok()?)));
    match parsed {
        Some((quota, period)) if quota > 0.0 => format!("{:.2} CPUs", quota / period),
        _ => "none".into(),
    }
}

fn network() -> String {
    let Ok(dir) = fs::read_dir("/sys/class/net") else { return unknown() };
    let mut names: Vec<String> = dir.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).filter(|n| n != "bonding_masters").collect();
    names.sort();
    match names.as_slice() {
        [] => "no interface".into(),
        [only] if only == "lo" => "lo (no way out)".into(),
        _ => names.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_layers_of_an_overlay() {
        let new = "22 1 0:40 / / rw,relatime - overlay overlay rw,lowerdir+=/a,lowerdir+=/b,upperdir=/u,workdir=/w";
        let old = "22 1 0:40 / / ro,relatime master:1 - overlay overlay rw,lowerdir=/a:/b:/c,upperdir=/u";
        assert_eq!(root_in(new).unwrap(), "overlay of 2 read-only layers, writable on top");
        assert_eq!(root_in(old).unwrap(), "overlay of 3 read-only layers, read-only on top");
        assert_eq!(root_in("1 0 8:1 / / rw - ext4 /dev/sda rw").unwrap(), "ext4, writable");
        assert_eq!(root_in("1 0 8:1 /x /y rw - ext4 /dev/sda rw"), None);
    }

    #[test]
    fn names_capabilities() {
        assert_eq!(capability_names(0), "none");
        assert_eq!(capability_names(0b11), "2 of 41: chown dac_override");
    }

    #[test]
    fn finds_whole_fields_only() {
        assert_eq!(status_in("Seccomp:\t2\nSeccomp_filters:\t1", "Seccomp").as_deref(), Some("2"));
        assert_eq!(status_in("Seccomp_filters:\t1", "Seccomp"), None);
    }
}
