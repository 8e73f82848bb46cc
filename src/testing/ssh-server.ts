// A real OpenSSH server on loopback, as a GPU host that was prepared once.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SSHD = '/usr/sbin/sshd';

/** Whether this machine has an OpenSSH server. */
export const hasSshServer = (): boolean => existsSync(SSHD);

export type SshServer = {
  /** `user@127.0.0.1:port` */
  readonly address: string;
  /** Configuration of a client that has the key for it. */
  readonly clientConfig: string;
  close(): Promise<void>;
};

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Starts one in a folder, with keys of its own; only its own client's key opens it. */
export async function startSshServer(folder: string): Promise<SshServer> {
  mkdirSync(folder, { recursive: true });
  mkdirSync('/run/sshd', { recursive: true });
  const file = (name: string): string => join(folder, name);
  for (const name of ['host', 'client'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  const port = await freePort();
  const server = [
    ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${file('host')}`],
    ...[`AuthorizedKeysFile ${file('client.pub')}`, 'StrictModes no', 'PermitRootLogin yes'],
    ...['PasswordAuthentication no', 'UsePAM no', `PidFile ${file('pid')}`],
  ];
  writeFileSync(file('sshd_config'), `${server.join('\n')}\n`);
  const client = [
    ...['Host *', `IdentityFile ${file('client')}`, 'IdentitiesOnly yes', 'LogLevel ERROR'],
    ...['StrictHostKeyChecking no', 'UserKnownHostsFile /dev/null'],
  ];
  writeFileSync(file('ssh_config'), `${client.join('\n')}\n`);
  const child = spawn(SSHD, ['-D', '-e', '-f', file('sshd_config')], { stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (let tries = 0; tries < 100 && !existsSync(file('pid')); tries++) await sleep(50);
  return {
    address: `${userInfo().username}@127.0.0.1:${port}`,
    clientConfig: file('ssh_config'),
    close: async () => {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
