//! The way of kernels without `lowerdir+`, which is not taken on newer ones. Without a harness, since that would start threads,
//! and a mount namespace belongs to the thread that made it.

use std::collections::BTreeMap;
use std::os::fd::AsRawFd;
use std::path::Path;

use gantry_native::mounts::{overlay, overlay_by_string};
use gantry_native::plan::Overlay;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

fn main() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let dir = std::env::temp_dir().join(format!("gantry-test-overlay-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    // Its mounts end with this process.
    #[allow(deprecated)]
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNS).unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
    mount("x", &dir, "tmpfs", MountFlags::empty(), None::<&std::ffi::CStr>).unwrap();
    let layers = |n: usize| -> Vec<String> {
        let path = |i: usize| dir.join(format!("a:layer,with\\signs-{i}"));
        (0..n).map(|i| path(i).to_string_lossy().into_owned()).collect()
    };
    for layer in layers(3) {
        std::fs::create_dir(&layer).unwrap();
        std::fs::write(Path::new(&layer).join("all"), &layer).unwrap();
    }
    for name in ["upper", "work"] {
        std::fs::create_dir(dir.join(name)).unwrap();
    }
    let path = |name: &str| Some(dir.join(name).to_string_lossy().into_owned());
    let plan = Overlay {
        lower: layers(3),
        upper: path("upper"),
        work: path("work"),
        flags: vec!["volatile".into()],
        options: BTreeMap::from([("xino".into(), "off".into())]),
    };
    let scratch = dir.join("scratch");
    for make in [overlay_by_string, overlay] {
        let tree = make(&plan, false, &scratch).unwrap();
        let inside = format!("/proc/self/fd/{}", tree.as_raw_fd());
        assert_eq!(std::fs::read_to_string(format!("{inside}/all")).unwrap(), layers(1)[0]);
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains("scratch"), "nothing stays mounted");
        drop(tree);
        // A volatile overlay leaves a mark that forbids to use its work folder again.
        std::fs::remove_dir_all(dir.join("work/work")).unwrap();
    }
    println!("overlay: both ways work");
    drop(plan);
    rustix::mount::unmount(&dir, rustix::mount::UnmountFlags::DETACH).unwrap();
    std::fs::remove_dir(&dir).unwrap();
}
