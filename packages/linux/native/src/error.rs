//! How a request failed, as it is told to the client.

use std::borrow::Cow;

use rustix::io::Errno;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub struct Fail {
    pub code: &'static str,
    pub message: Cow<'static, str>,
    pub errno: Option<Errno>,
    pub step: Option<Cow<'static, str>>,
}

pub type Result<T> = std::result::Result<T, Fail>;

impl Fail {
    fn plain(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), errno: None, step: None }
    }

    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain("invalid", message)
    }

    pub fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain("unsupported", message)
    }

    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain("notFound", message)
    }

    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain("conflict", message)
    }

    pub fn gone(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain("gone", message)
    }

    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain("internal", message)
    }

    /// A system call failed.
    pub fn os(errno: Errno, step: impl Into<Cow<'static, str>>) -> Self {
        let step = step.into();
        Self {
            code: "os",
            message: format!("{step}: {}", std::io::Error::from(errno)).into(),
            errno: Some(errno),
            step: Some(step),
        }
    }

    /// A program could not be executed.
    pub fn exec(errno: Errno) -> Self {
        Self { code: "exec", ..Self::os(errno, "exec") }
    }

    /// As another process has told it; the rest of it is set apart.
    pub fn os_told(message: String) -> Self {
        Self::plain("os", message)
    }

    pub fn to_json(&self) -> Value {
        let mut out = json!({ "code": self.code, "message": self.message });
        if let Some(errno) = self.errno {
            out["errno"] = errno_name(errno).into();
        }
        if let Some(step) = &self.step {
            out["step"] = step.as_ref().into();
        }
        out
    }
}

/// Says what was being done when a system call failed.
pub trait Context<T> {
    fn step(self, step: &'static str) -> Result<T>;
    fn step_with(self, step: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for rustix::io::Result<T> {
    fn step(self, step: &'static str) -> Result<T> {
        self.map_err(|errno| Fail::os(errno, step))
    }

    fn step_with(self, step: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|errno| Fail::os(errno, step()))
    }
}

macro_rules! errno_names {
    ($($name:ident)*) => {
        /// The name of an error number, such as `ENOENT`.
        pub fn errno_name(errno: Errno) -> Cow<'static, str> {
            match errno.raw_os_error() {
                $(libc::$name => stringify!($name).into(),)*
                other => format!("E{other}").into(),
            }
        }
    };
}

errno_names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
    ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENODATA ETIME EPROTO EBADMSG EOVERFLOW EILSEQ EUSERS ENOTSOCK EDESTADDRREQ
    EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE
    EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS
    ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN EDQUOT ENOMEDIUM EMEDIUMTYPE
    ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE EREMOTEIO
}
