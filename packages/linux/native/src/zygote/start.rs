//! From the program that somebody started to a detached process that runs from a sealed copy of it.

use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use crate::error::{Context, Fail, Result};
use crate::sys::exec::{CStrings, cloexec_from, fexecve};
use crate::sys::process::{Fork, fork};
use crate::sys::signal;

/// The role of the detached process; an argument of our own, not of the command line's users.
pub const DETACHED: &str = "zygote:detached";

/// Where the detached process finds the pipe to the starting one.
const READY_FD: i32 = 3;

/// Exit codes of the starting process.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const ALREADY: i32 = 3;

pub struct Options {
    pub socket: PathBuf,
    pub instance: String,
    pub build: String,
    pub log: Option<PathBuf>,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let (mut socket, mut instance, mut build, mut log) = (None, None, None, None);
        while let Some(name) = args.next() {
            let slot = match name.as_str() {
                "--socket" => &mut socket,
                "--instance" => &mut instance,
                "--build" => &mut build,
                "--log" => &mut log,
                _ => return Err(Fail::invalid(format!("unknown argument {name}"))),
            };
            *slot = Some(args.next().ok_or_else(|| Fail::invalid(format!("{name} needs a value")))?);
        }
        let needed =
            |value: Option<String>, name: &str| value.ok_or_else(|| Fail::invalid(format!("{name} is missing")));
        let options = Self {
            socket: needed(socket, "--socket")?.into(),
            instance: needed(instance, "--instance")?,
            build: needed(build, "--build")?,
            log: log.map(PathBuf::from),
        };
        if options.instance.len() != 8 || !options.instance.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err(Fail::invalid("--instance: eight hexadecimal digits"));
        }
        if !options.socket.is_absolute() || options.log.as_ref().is_some_and(|log| !log.is_absolute()) {
            return Err(Fail::invalid("paths have to be absolute"));
        }
        Ok(options)
    }

    fn to_args(&self) -> Result<CStrings> {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let mut args = vec!["gantry-zygote".to_owned(), DETACHED.into(), "--socket".into(), text(&self.socket)];
        args.extend(["--instance".into(), self.instance.clone(), "--build".into(), self.build.clone()]);
        if let Some(log) = &self.log {
            args.extend(["--log".into(), text(log)]);
        }
        cstrings(args)
    }
}

fn cstrings(strings: Vec<String>) -> Result<CStrings> {
    let strings: std::result::Result<Vec<CString>, _> = strings.into_iter().map(CString::new).collect();
    Ok(CStrings::new(strings.map_err(|_| Fail::invalid("a zero byte in an argument"))?))
}

/// `gantry-native zygote`: exits once the detached process listens, with 0; with 3 if another one does.
pub fn start(args: impl Iterator<Item = String>) -> i32 {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(fail) => {
            eprintln!("gantry-native: {}", fail.message);
            return USAGE;
        }
    };
    match launch(&options) {
        Ok((ALREADY, _)) => {
            eprintln!("gantry-native: another zygote listens on {}", options.socket.display());
            ALREADY
        }
        Ok((0, _)) => 0,
        Ok((_, message)) => {
            eprintln!("gantry-native: {message}");
            FAILED
        }
        Err(fail) => {
            eprintln!("gantry-native: {}", fail.message);
            FAILED
        }
    }
}

/// The verdict of the detached process and its message.
fn launch(options: &Options) -> Result<(i32, String)> {
    let image = sealed_copy()?;
    let args = options.to_args()?;
    let (mine, theirs) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).step("pipe")?;
    if let Fork::Child = fork().step("fork")? {
        // A new session, and then no session's leader: no terminal can ever be ours again.
        let detached = rustix::process::setsid().step("setsid").and_then(|_| fork().step("fork"));
        match detached {
            Ok(Fork::Parent(_)) => std::process::exit(0),
            Ok(Fork::Child) => {}
            Err(fail) => die(&theirs, &fail),
        }
        drop(mine);
        let fail = become_image(&image, &args, theirs, options);
        let _ = fail;
        std::process::exit(FAILED);
    }
    drop(theirs);
    let mut verdict = Vec::new();
    File::from(mine).read_to_end(&mut verdict).map_err(|e| Fail::internal(e.to_string()))?;
    match verdict.split_first() {
        Some((code, message)) => Ok((i32::from(*code), String::from_utf8_lossy(message).into_owned())),
        None => Err(Fail::internal("the zygote ended before it listened")),
    }
}

fn become_image(image: &OwnedFd, args: &CStrings, ready: OwnedFd, options: &Options) -> Fail {
    let prepared = (|| -> Result<()> {
        rustix::process::chdir("/").step("chdir")?;
        let null =
            rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).step("open /dev/null")?;
        let err = match &options.log {
            Some(path) => rustix::fs::open(
                path,
                OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW,
                Mode::from_raw_mode(0o600),
            )
            .step_with(|| format!("open {}", path.display()))?,
            None => rustix::io::dup(&null).step("dup")?,
        };
        rustix::stdio::dup2_stdin(&null).step("dup2")?;
        rustix::stdio::dup2_stdout(&null).step("dup2")?;
        rustix::stdio::dup2_stderr(&err).step("dup2")
    })();
    if let Err(fail) = prepared {
        die(&ready, &fail);
    }
    // All else is closed by the exec, however many descriptors the starting program had open.
    let hand_over = (|| -> rustix::io::Result<OwnedFd> {
        let image = rustix::io::fcntl_dupfd_cloexec(image, READY_FD + 1)?;
        let ready = rustix::io::fcntl_dupfd_cloexec(&ready, READY_FD + 1)?;
        cloexec_from(READY_FD)?;
        // From here on number 3 is the pipe, whatever it was before.
        crate::sys::exec::dup_to(ready.as_fd(), READY_FD)?;
        Ok(image)
    })();
    let errno = match hand_over {
        Ok(image) => fexecve(image.as_fd(), args, &CStrings::new(Vec::new())),
        Err(errno) => errno,
    };
    die(&ready, &Fail::os(errno, "exec the sealed copy"))
}

fn die(ready: &OwnedFd, fail: &Fail) -> ! {
    tell(ready, FAILED, &fail.message);
    std::process::exit(FAILED)
}

/// Tells the starting process how it went.
pub fn tell(ready: &OwnedFd, code: i32, message: &str) {
    let mut text = vec![code as u8];
    text.extend_from_slice(message.as_bytes());
    // Nobody may be left to hear it, which changes nothing.
    let _ = rustix::io::write(ready, &text);
}

/// The program in memory that nobody can change: what containers might reach of it through /proc is this copy.
fn sealed_copy() -> Result<OwnedFd> {
    const MFD_EXEC: u32 = 0x10;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = rustix::fs::memfd_create("gantry-native", flags | MemfdFlags::from_bits_retain(MFD_EXEC))
        // Kernels before 6.3 know no MFD_EXEC, and make every memfd executable.
        .or_else(|_| rustix::fs::memfd_create("gantry-native", flags))
        .step("memfd_create")?;
    let mut memory = File::from(memory);
    let copied = File::open("/proc/self/exe").and_then(|mut own| std::io::copy(&mut own, &mut memory));
    copied
        .and_then(|_| memory.seek(SeekFrom::Start(0)))
        .map_err(|e| Fail::internal(format!("copy the program: {e}")))?;
    rustix::fs::fcntl_add_seals(&memory, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)
        .step("seal the program")?;
    Ok(memory.into())
}

/// What the detached process owns at its start.
pub struct Detached {
    pub options: Options,
    pub lock: OwnedFd,
    ready: OwnedFd,
}

impl Detached {
    /// Takes over. `Err`: the exit code; the starting process has been told.
    pub fn take_over(args: impl Iterator<Item = String>) -> std::result::Result<Self, i32> {
        let ready = crate::sys::exec::adopt_fd(READY_FD).map_err(|_| USAGE)?;
        let prepared = Options::parse(args).and_then(|options| Ok((Self::lock(&options)?, options)));
        match prepared {
            Ok((Some(lock), options)) => {
                signal::default_all();
                signal::ignore_pipe();
                rustix::process::umask(Mode::from_raw_mode(0o022));
                // Without CAP_SYS_RESOURCE it stays as it is: more easily killed, but no less right.
                let _ = std::fs::write("/proc/self/oom_score_adj", "-999");
                Ok(Self { options, lock, ready })
            }
            Ok((None, _)) => {
                tell(&ready, ALREADY, "");
                Err(ALREADY)
            }
            Err(fail) => {
                tell(&ready, FAILED, &fail.message);
                Err(FAILED)
            }
        }
    }

    /// The lock that a live zygote holds; `None`: another one does.
    fn lock(options: &Options) -> Result<Option<OwnedFd>> {
        let mut path = options.socket.clone().into_os_string();
        path.push(".lock");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600)).step("open the lock")?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(lock)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(Fail::os(errno, "lock")),
        }
    }

    /// Tells the starting process that clients can come, or why not, and lets it go.
    pub fn report(self, outcome: &Result<()>) -> (Options, OwnedFd) {
        match outcome {
            Ok(()) => tell(&self.ready, 0, ""),
            Err(fail) => tell(&self.ready, FAILED, &fail.message),
        }
        debug_assert_eq!(self.ready.as_raw_fd(), READY_FD);
        (self.options, self.lock)
    }
}
