/** Names from a text: shorter to read than four hundred quoted strings. */
const names = (text: string): readonly string[] => text.trim().split(/\s+/);

/** What every container may call, with any arguments, by what it is for. */
export const alwaysAllowed: readonly (readonly string[])[] = [
  // Files: opening, reading, writing
  names(`
    open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2
    lseek _llseek dup dup2 dup3 fcntl fcntl64 ioctl flock fsync fdatasync sync syncfs sync_file_range
    truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64 readahead cachestat
    sendfile sendfile64 splice tee vmsplice copy_file_range pipe pipe2
    io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64
  `),
  // Files: names, folders, links, special files
  names(`
    chdir fchdir getcwd mkdir mkdirat rmdir getdents getdents64 link linkat symlink symlinkat readlink readlinkat
    rename renameat renameat2 unlink unlinkat mknod mknodat umask name_to_handle_at
  `),
  // Files: attributes
  names(`
    stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs fstatfs64 statmount listmount
    access faccessat faccessat2 chmod fchmod fchmodat fchmodat2 chown chown32 lchown lchown32 fchown fchown32 fchownat
    utime utimes futimesat utimensat utimensat_time64
    getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat
    listxattr llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat
  `),
  // Waiting and notification
  names(`
    select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2
    eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark
  `),
  // Memory
  names(`
    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal
    memfd_create memfd_secret remap_file_pages membarrier map_shadow_stack
    pkey_alloc pkey_free pkey_mprotect process_mrelease
  `),
  // Processes and threads
  names(`
    fork vfork execve execveat exit exit_group wait4 waitid waitpid
    getpid getppid gettid getpgid getpgrp setpgid getsid setsid set_tid_address
    set_thread_area get_thread_area set_robust_list get_robust_list rseq restart_syscall prctl
    futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue
    pidfd_open pidfd_send_signal seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
    uretprobe riscv_hwprobe
  `),
  // Users, groups, capabilities
  names(`
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getgroups getgroups32
    getresuid getresuid32 getresgid getresgid32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32
    setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32
    capget capset
  `),
  // Signals
  names(`
    kill tkill tgkill pause alarm sigaltstack sigprocmask sigreturn
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
  `),
  // Scheduling and limits
  names(`
    sched_yield sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_getattr sched_setattr
    sched_getaffinity sched_setaffinity sched_get_priority_max sched_get_priority_min
    sched_rr_get_interval sched_rr_get_interval_time64 getpriority setpriority ioprio_get ioprio_set
    getrlimit ugetrlimit setrlimit prlimit64 getrusage getcpu
  `),
  // Time; the kernel asks for CAP_SYS_TIME where these would set a clock
  names(`
    time times gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64
    nanosleep clock_nanosleep clock_nanosleep_time64 adjtimex clock_adjtime clock_adjtime64 getitimer setitimer
    timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
  `),
  // Sockets; `socketcall` is the older way to all of them on i386, and a filter cannot see what it is asked for
  names(`
    socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt
    send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 socketcall
  `),
  // Communication between processes
  names(`
    ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
    mq_open mq_unlink mq_notify mq_getsetattr
    mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
  `),
  // The system
  names('uname sysinfo getrandom'),
];

/** What programs of an architecture cannot do without: caches of generated code, thread pointers, segments. */
export const allowedOnArch: Readonly<Record<'x86_64' | 'aarch64' | 'riscv64', readonly string[]>> = {
  x86_64: names('arch_prctl modify_ldt'),
  aarch64: names('arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls'),
  riscv64: names('riscv_flush_icache'),
};

/** What a capability brings. The kernel checks the capability too; the filter keeps the code behind out of reach without it. */
export const allowedByCapability: readonly (readonly [capability: string, names: readonly string[]])[] = [
  // Mounts, namespaces, quotas: with no argument to tell harmless from harmful ones
  ['CAP_SYS_ADMIN', names(`
    mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick
    setns unshare clone clone3 sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie syslog
    bpf perf_event_open lsm_get_self_attr lsm_set_self_attr lsm_list_modules
  `)],
  ['CAP_BPF', names('bpf')],
  ['CAP_PERFMON', names('perf_event_open')],
  ['CAP_SYSLOG', names('syslog')],
  ['CAP_DAC_READ_SEARCH', names('open_by_handle_at')],
  ['CAP_SYS_BOOT', names('reboot')],
  ['CAP_SYS_CHROOT', names('chroot')],
  ['CAP_SYS_MODULE', names('init_module finit_module delete_module')],
  ['CAP_SYS_PACCT', names('acct')],
  ['CAP_SYS_PTRACE', names('kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace')],
  ['CAP_SYS_RAWIO', names('ioperm iopl')],
  ['CAP_SYS_TIME', names('settimeofday stime clock_settime clock_settime64')],
  ['CAP_SYS_TTY_CONFIG', names('vhangup')],
  ['CAP_SYS_NICE', names('get_mempolicy set_mempolicy set_mempolicy_home_node mbind')],
];

/**
 * Looking into another process of the same user. Before Linux 4.8 a tracer could change its tracee's system call after
 * the filter had seen it (seccomp(2)), so that a filter meant nothing to who may trace.
 */
export const allowedSinceFilterAfterTrace: readonly string[] = names('ptrace process_vm_readv process_vm_writev');
