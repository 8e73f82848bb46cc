// The program that makes system calls, run on this machine.
import { describe, expect, it } from 'vitest';
import { readSyscallResults, SYSCALLS, syscallProgram } from './syscall-program.ts';

describe('the program of system calls', () => {
  it('is a static ELF file of some kilobytes', () => {
    const program = syscallProgram(SYSCALLS);
    expect([...program.subarray(0, 5)]).toEqual([0x7f, 0x45, 0x4c, 0x46, 2]);
    expect(program.length).toBeLessThan(10_000);
    expect(
      readSyscallResults([{ name: 'x', nr: 1, args: [] }], new Uint8Array(64).fill(255)).get('x'),
    ).toBe(-1);
  });
});
