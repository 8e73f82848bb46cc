// System calls that a server's container has.
import { describe, expect, it } from 'vitest';
import { seccompProfile } from './seccomp.ts';

describe('the seccomp profile', () => {
  type Rule = { names: string[]; action: string; args?: { index: number; value: number }[] };
  const { syscalls, defaultAction } = seccompProfile() as {
    syscalls: Rule[];
    defaultAction: string;
  };
  const free = syscalls
    .filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && !args)
    .flatMap(({ names }) => names);

  it('refuses what it does not name', () => {
    expect(defaultAction).toBe('SCMP_ACT_ERRNO');
    for (const name of 'mount umount2 pivot_root setns unshare ptrace bpf perf_event_open userfaultfd keyctl add_key io_uring_setup init_module kexec_load reboot swapon chroot open_by_handle_at clock_settime settimeofday iopl syslog personality socket socketpair clone clone3 cachestat mincore fadvise64 preadv2'.split(
      ' ',
    ))
      expect(free).not.toContain(name);
  });
  it('S10 lets no server see or clear what the page cache holds of the weights', () => {
    const rules = (name: string) =>
      syscalls.filter(({ names }) => names.includes(name)).map(({ args }) => args);
    expect(rules('cachestat')).toEqual([]);
    expect(rules('mincore')).toEqual([]);
    expect(rules('fadvise64').map((args) => args![0])).toMatchObject(
      [0, 1, 2, 3, 5].map((value) => ({ index: 3, value })),
    );
    expect(rules('preadv2')).toMatchObject([[{ index: 5, value: 8 }]]);
    expect(rules('socketpair')).toMatchObject([[{ index: 0, value: 1 }]]);
  });
  it('names nothing twice, and lets NUMA pinning work', () => {
    expect(new Set(free).size).toBe(free.length);
    expect(free).toEqual(
      expect.arrayContaining(['mbind', 'set_mempolicy', 'openat', 'futex', 'epoll_wait']),
    );
  });
});
