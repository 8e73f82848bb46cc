// The seccomp profile of miners' servers: every system call that is allowed.
/**
 * The system calls a server may use: a list of what is allowed, reviewed here, and never the
 * engine's own default, which differs between versions (engine 20.10 allows io_uring and AF_VSOCK,
 * and AF_VSOCK ignores network namespaces). Grouped by what needs them.
 */
const ALLOWED: Readonly<Record<string, string>> = {
  files:
    'access chdir chmod chown close close_range creat dup dup2 dup3 faccessat faccessat2 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr ioctl lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 readahead readlink readlinkat removexattr rename renameat renameat2 rmdir setxattr stat statfs statx symlink symlinkat sync sync_file_range syncfs truncate umask unlink unlinkat ustat utime utimensat utimes',
  input:
    'copy_file_range epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit pipe pipe2 poll ppoll pread64 preadv pselect6 pwrite64 pwritev pwritev2 read readv select sendfile signalfd signalfd4 splice tee vmsplice write writev',
  memory:
    'brk get_mempolicy madvise map_shadow_stack membarrier memfd_create mlock mlock2 mlockall mmap mprotect mremap msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages',
  // Docker's default ties these to CAP_SYS_NICE; without them NUMA pinning fails silently and a
  // server is slower than it could be.
  numa: 'mbind move_pages set_mempolicy set_mempolicy_home_node',
  // process_vm_*: MPI copies between its own processes; the kernel asks for the same rights as for
  // a debugger, which ptrace lacks here.
  processes:
    'alarm arch_prctl capget capset execve execveat exit exit_group fork getcpu getegid geteuid getgid getgroups getitimer getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev restart_syscall rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo seccomp set_robust_list get_robust_list set_thread_area get_thread_area set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sigaltstack sysinfo tgkill time times tkill uname vfork wait4 waitid',
  scheduling:
    'sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield',
  synchronising:
    'futex futex_requeue futex_wait futex_waitv futex_wake mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget',
  // Reading clocks; setting one is for the host alone.
  time: 'clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime',
  sockets:
    'accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt shutdown',
};

const ALLOW = 'SCMP_ACT_ALLOW';
const EPERM = 1;
const ENOSYS = 38;
/**
 * CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: a new namespace is the first
 * step of most escapes.
 */
const NAMESPACE_FLAGS = 0x7e020000;
/**
 * AF_UNIX, AF_INET and AF_INET6. Not AF_VSOCK (reaches the hypervisor past every network
 * namespace), AF_ALG, AF_PACKET and the rest.
 */
const FAMILIES = [1, 2, 10];
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
/** What uname and the loader ask for; not ADDR_NO_RANDOMIZE or READ_IMPLIES_EXEC. */
const PERSONALITIES = [0x0, 0x0008, 0x20000, 0x20008, 0xffffffff];

const AF_UNIX = 1;
/** Advice of fadvise64 that is passed on: all but DONTNEED (4), which throws a file out of the page cache. */
const ADVICES = [0, 1, 2, 3, 5];
/** Flag of preadv2 that reads only what the page cache holds. */
const RWF_NOWAIT = 0x8;

const equal = (index: number, value: number): object => ({
  index,
  value,
  valueTwo: 0,
  op: 'SCMP_CMP_EQ',
});

/** An argument that has none of these bits. */
const masked = (index: number, value: number): object => ({
  ...{ index, value, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' },
});

/**
 * Our seccomp profile, in the form that `--security-opt seccomp=` takes. Only 64-bit calls exist in
 * it.
 */
export function seccompProfile(): unknown {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [
      ...Object.values(ALLOWED).map((names) => ({ names: names.split(' '), action: ALLOW })),
      ...FAMILIES.map((family) => ({ names: ['socket'], action: ALLOW, args: [equal(0, family)] })),
      { names: ['socket'], action: ALLOW, args: [equal(0, AF_NETLINK), equal(2, NETLINK_ROUTE)] },
      { names: ['socketpair'], action: ALLOW, args: [equal(0, AF_UNIX)] },
      // What the page cache holds of the weights outlives a server, and would tell the next one: no
      // call that asks for it (cachestat and mincore are not listed), and none that clears it.
      ...ADVICES.map((advice) => ({
        names: ['fadvise64'],
        action: ALLOW,
        args: [equal(3, advice)],
      })),
      { names: ['preadv2'], action: ALLOW, args: [masked(5, RWF_NOWAIT)] },
      ...PERSONALITIES.map((persona) => ({
        names: ['personality'],
        action: ALLOW,
        args: [equal(0, persona)],
      })),
      {
        names: ['clone'],
        action: ALLOW,
        args: [masked(0, NAMESPACE_FLAGS)],
      },
      // Its flags are behind a pointer, where a filter cannot look: "not there" makes every libc
      // fall back to clone.
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    ],
  };
}
