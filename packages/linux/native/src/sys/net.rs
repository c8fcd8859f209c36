//! Network interfaces, as far as a new namespace needs it.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Result;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::check;

/// Brings up `lo` in the network namespace of this process.
pub fn loopback_up() -> Result<()> {
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: `ifreq` is plain data, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    // SAFETY: both requests take a pointer to an `ifreq`, which outlives the calls; SIOCGIFFLAGS has set the member that is
    // read of the union.
    unsafe {
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request).into())?;
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw mut request).into())?;
    }
    Ok(())
}

/// The user behind a connected Unix socket, as of when it connected.
pub fn peer_uid(socket: BorrowedFd<'_>) -> Result<u32> {
    let mut credentials = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the buffer has the size that is passed, and both outlive the call.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut length,
        )
        .into()
    })?;
    Ok(credentials.uid)
}
