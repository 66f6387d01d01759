/** The ordinary age program asks for passphrases on a terminal only, so it gets one. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const ON_A_TERMINAL = `
import os, pty, sys, time
passphrase, command = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
for _ in range(1 + command.count('--passphrase')):
    seen = b''
    while b'assphrase' not in seen:
        seen += os.read(terminal, 1024)
    time.sleep(0.2)
    os.write(terminal, passphrase.encode() + b'\\n')
try:
    while os.read(terminal, 1024):
        pass
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Runs `age ARGS`, answering each question with `passphrase`. Rejects where age fails. */
export async function runAge(passphrase: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)('python3', ['-c', ON_A_TERMINAL, passphrase, 'age', ...args], { timeout: 60_000 });
}
