//! How an operation failed, as the client is told.

use std::borrow::Cow;

use rustix::io::Errno;
use serde::Serialize;

use super::bytes::Latin1;
use crate::error::errno_name;

pub type Res<T> = Result<T, FsError>;

#[derive(Debug)]
pub struct FsError {
    pub code: Code,
    pub errno: Option<Errno>,
    /// What was being done: a word such as `open`.
    pub step: &'static str,
    /// The path it was done to, in the tree.
    pub path: Vec<u8>,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Code {
    /// The request itself is wrong.
    Invalid,
    /// No such operation.
    Unsupported,
    /// A system call failed: see `errno`.
    Os,
    /// A stream or a batch was used that is not open.
    Gone,
    /// A bound of this process was reached.
    Limit,
}

impl FsError {
    pub fn os(errno: Errno, step: &'static str, path: &[u8]) -> Self {
        Self { code: Code::Os, errno: Some(errno), step, path: path.to_vec(), message: String::new() }
    }

    pub fn invalid(message: impl Into<String>, path: &[u8]) -> Self {
        Self::new(Code::Invalid, message, path)
    }

    pub fn new(code: Code, message: impl Into<String>, path: &[u8]) -> Self {
        Self { code, errno: None, step: "check", path: path.to_vec(), message: message.into() }
    }

    pub fn is(&self, errno: Errno) -> bool {
        self.errno == Some(errno)
    }

    /// The `error` member of an answer.
    pub fn body(&self) -> ErrorBody<'_> {
        let message = match self.errno {
            Some(errno) => format!("{}: {}", self.step, errno_name(errno)),
            None => self.message.clone(),
        };
        ErrorBody {
            code: self.code,
            errno: self.errno.map(errno_name),
            step: self.step,
            path: Latin1(&self.path),
            message,
        }
    }
}

#[derive(Serialize)]
pub struct ErrorBody<'a> {
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno: Option<Cow<'static, str>>,
    step: &'static str,
    path: Latin1<'a>,
    message: String,
}

/// Says where a system call failed.
pub trait Step<T> {
    fn step(self, step: &'static str, path: &[u8]) -> Res<T>;
}

impl<T> Step<T> for rustix::io::Result<T> {
    fn step(self, step: &'static str, path: &[u8]) -> Res<T> {
        self.map_err(|errno| FsError::os(errno, step, path))
    }
}
