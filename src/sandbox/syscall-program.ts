// Small static Linux program that tries forbidden system calls, assembled from machine code.
import { concatBytes, utf8 } from '../core/bytes.ts';

/**
 * One system call of Linux on x86-64: its number and arguments. A text argument becomes a pointer
 * to it, `scratch` one to 4 KiB of zeros.
 */
export type Syscall = {
  readonly name: string;
  readonly nr: number;
  readonly args: readonly (number | string | typeof SCRATCH)[];
};
const SCRATCH = Symbol('scratch');

const CLONE_NEWNET = 0x40000000;
const CLONE_NEWUSER = 0x10000000;
const CLONE_NEWNS = 0x00020000;
const CLONE_NEWPID = 0x20000000;
const AF_VSOCK = 40;
const AF_PACKET = 17;
const AF_ALG = 38;
const SOCK_RAW = 3;
const SOCK_STREAM = 1;

/**
 * What a server must not be able to do (probes C10 to C13). All are harmless where they are
 * refused, as they must be.
 */
export const SYSCALLS: readonly Syscall[] = [
  { name: 'socket AF_VSOCK', nr: 41, args: [AF_VSOCK, SOCK_STREAM, 0] },
  { name: 'socket AF_ALG', nr: 41, args: [AF_ALG, 5, 0] },
  { name: 'socket AF_PACKET', nr: 41, args: [AF_PACKET, SOCK_RAW, 768] },
  { name: 'socket raw ICMP', nr: 41, args: [2, SOCK_RAW, 1] },
  { name: 'io_uring_setup', nr: 425, args: [8, SCRATCH] },
  { name: 'bpf', nr: 321, args: [0, SCRATCH, 72] },
  { name: 'perf_event_open', nr: 298, args: [SCRATCH, 0, 0, -1, 0] },
  { name: 'userfaultfd', nr: 323, args: [1] },
  { name: 'keyctl', nr: 250, args: [0, -3, 0] },
  { name: 'add_key', nr: 248, args: ['user', 'cacheon', 'x', 1, -2] },
  { name: 'mount', nr: 165, args: ['none', '/tmp', 'tmpfs', 0, 0] },
  { name: 'umount2', nr: 166, args: ['/tmp', 2] },
  { name: 'unshare NEWUSER', nr: 272, args: [CLONE_NEWUSER] },
  { name: 'unshare NEWNET', nr: 272, args: [CLONE_NEWNET] },
  { name: 'unshare NEWNS', nr: 272, args: [CLONE_NEWNS] },
  { name: 'unshare NEWPID', nr: 272, args: [CLONE_NEWPID] },
  { name: 'setns', nr: 308, args: [0, 0] },
  { name: 'pivot_root', nr: 155, args: ['/tmp', '/tmp'] },
  { name: 'chroot', nr: 161, args: ['/tmp'] },
  { name: 'ptrace', nr: 101, args: [0, 0, 0, 0] },
  { name: 'init_module', nr: 175, args: [SCRATCH, 0, ''] },
  { name: 'kexec_load', nr: 246, args: [0, 0, SCRATCH, 0] },
  { name: 'swapon', nr: 167, args: ['/tmp', 0] },
  { name: 'open_by_handle_at', nr: 304, args: [-100, SCRATCH, 0] },
  { name: 'syslog', nr: 103, args: [3, SCRATCH, 16] },
  { name: 'clock_settime', nr: 227, args: [0, SCRATCH] },
  { name: 'socketpair AF_INET', nr: 53, args: [2, SOCK_STREAM, 0, SCRATCH] },
  { name: 'cachestat', nr: 451, args: [0, SCRATCH, SCRATCH, 0] },
  { name: 'mincore', nr: 27, args: [0x400000, 4096, SCRATCH] },
  { name: 'fadvise64 DONTNEED', nr: 221, args: [0, 0, 0, 4] },
  { name: 'preadv2 NOWAIT', nr: 327, args: [0, SCRATCH, 0, 0, 0, 8] },
  { name: 'mknod block device', nr: 133, args: ['/tmp/device', 0o60600, 0x801] },
];

/** Waits for ever: a fork bomb consists of such processes. */
export const PAUSE: Syscall = { name: 'pause', nr: 34, args: [] };

/** Waits until the process at the other end of stdin is gone. */
export const READ_STDIN: Syscall = { name: 'read stdin', nr: 0, args: [0, SCRATCH, 4096] };

const BASE = 0x400000;
const HEADER_BYTES = 64 + 56;
const ENTRY_BYTES = 8 * 8;
const SCRATCH_BYTES = 4096;

function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}
function little(value: number, length: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt(value), true);
  return new Uint8Array(view.buffer, 0, length);
}
const u16 = (value: number): Uint8Array => little(value, 2);
const u32 = (value: number): Uint8Array => little(value, 4);
const u64 = (value: number): Uint8Array => little(value, 8);

/** Makes one call of the table, and goes on to the next row. */
const ONCE = concatBytes(
  bytes(0x48, 0x8b, 0x03), // mov rax, [rbx]
  bytes(0x48, 0x8b, 0x7b, 8), // mov rdi, [rbx+8]
  bytes(0x48, 0x8b, 0x73, 16), // mov rsi, [rbx+16]
  bytes(0x48, 0x8b, 0x53, 24), // mov rdx, [rbx+24]
  bytes(0x4c, 0x8b, 0x53, 32), // mov r10, [rbx+32]
  bytes(0x4c, 0x8b, 0x43, 40), // mov r8, [rbx+40]
  bytes(0x4c, 0x8b, 0x4b, 48), // mov r9, [rbx+48]
  bytes(0x0f, 0x05), // syscall
  bytes(0x48, 0x89, 0x43, 56), // mov [rbx+56], rax
  bytes(0x48, 0x83, 0xc3, 64), // add rbx, 64
  bytes(0x49, 0xff, 0xcc), // dec r12
);

/** The program's code: every call of the table in order, its results to stdout, then the end. */
function machineCode(table: number, calls: number): Uint8Array {
  return concatBytes(
    bytes(0x48, 0xbb),
    u64(table), // mov rbx, table
    bytes(0x49, 0xbc),
    u64(calls), // mov r12, count
    ONCE,
    bytes(0x75, -(ONCE.length + 2) & 0xff), // jnz back
    bytes(0x48, 0xc7, 0xc0, 1, 0, 0, 0), // mov rax, 1 (write)
    bytes(0x48, 0xc7, 0xc7, 1, 0, 0, 0), // mov rdi, 1
    bytes(0x48, 0xbe),
    u64(table), // mov rsi, table
    bytes(0x48, 0xba),
    u64(calls * ENTRY_BYTES), // mov rdx, bytes
    bytes(0x0f, 0x05), // syscall
    bytes(0x48, 0xc7, 0xc0, 60, 0, 0, 0), // mov rax, 60 (exit)
    bytes(0x48, 0x31, 0xff), // xor rdi, rdi
    bytes(0x0f, 0x05), // syscall
  );
}

/** An ELF header for one segment that may be read, written and executed. */
function elfHeader(total: number): Uint8Array {
  return concatBytes(
    bytes(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0),
    new Uint8Array(8), // ELF, 64 bits, little-endian
    u16(2),
    u16(62),
    u32(1),
    u64(BASE + HEADER_BYTES),
    u64(64),
    u64(0),
    u32(0),
    u16(64),
    u16(56),
    u16(1),
    u16(0),
    u16(0),
    u16(0),
    u32(1),
    u32(7),
    u64(0),
    u64(BASE),
    u64(BASE),
    u64(total),
    u64(total),
    u64(4096), // one segment: read, write, execute
  );
}

/**
 * A static Linux program that makes these calls in order and writes their results to stdout, 8
 * bytes each, little-endian (a negative errno where the call failed). It is put together here from
 * forty bytes of machine code, because a GPU host has no compiler and a binary in git cannot be
 * reviewed.
 *
 * mov rbx, table; mov r12, count next: mov rax, [rbx]; mov rdi, [rbx+8]; mov rsi, [rbx+16]; mov
 * rdx, [rbx+24]; mov r10, [rbx+32]; mov r8, [rbx+40]; mov r9, [rbx+48] syscall; mov [rbx+56], rax;
 * add rbx, 64; dec r12; jnz next write(1, table, count*64) by mov rax, 1 …; exit(0)
 */
export function syscallProgram(calls: readonly Syscall[]): Uint8Array {
  const table = BASE + HEADER_BYTES + machineCode(0, calls.length).length;
  const scratch = table + calls.length * ENTRY_BYTES;
  let textAt = scratch + SCRATCH_BYTES;
  const texts: Uint8Array[] = [];
  const pointer = (text: string): number => {
    const at = textAt;
    texts.push(concatBytes(utf8(text), new Uint8Array(1)));
    textAt += texts.at(-1)!.length;
    return at;
  };
  const rows = calls.map(({ nr, args }) => {
    const values = args.map((arg) => {
      if (arg === SCRATCH) return scratch;
      return typeof arg === 'string' ? pointer(arg) : arg;
    });
    return concatBytes(
      ...[nr, ...values, ...Array.from({ length: 7 - values.length }, () => 0)].map(u64),
    );
  });
  const body = concatBytes(
    machineCode(table, calls.length),
    ...rows,
    new Uint8Array(SCRATCH_BYTES),
    ...texts,
  );
  return concatBytes(elfHeader(HEADER_BYTES + body.length), body);
}

/**
 * The results of the program, by the call's name: 0 or more where it worked, a negative errno where
 * it was refused.
 */
export function readSyscallResults(
  calls: readonly Syscall[],
  output: Uint8Array,
): Map<string, number> {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  return new Map(
    calls.map(({ name }, i) => [name, Number(view.getBigInt64(i * ENTRY_BYTES + 56, true))]),
  );
}
