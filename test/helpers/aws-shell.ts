/**
 * The AWS command line, many commands in one process: it takes most of a second to start, and a table of uploads has dozens of cells.
 * The commands are parsed and carried out by its own driver, as `/usr/bin/aws` does.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

const DRIVER = `
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
driver = create_clidriver()
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = driver.main(json.loads(line))
        except SystemExit as stop:
            code = stop.code
        except BaseException as error:
            code = 255
            err.write(repr(error))
    print(json.dumps({'code': code, 'stdout': out.getvalue(), 'stderr': err.getvalue()}), flush=True)
`;
const PYTHON = '/usr/bin/python3';

export type AwsAnswer = { readonly code: number; readonly stdout: string; readonly stderr: string };
export type AwsShell = { run(args: readonly string[]): Promise<AwsAnswer>; stop(): Promise<void> };

export function isAwsInstalled(): boolean {
  const found = existsSync('/usr/bin/aws') && spawnSync(PYTHON, ['-c', 'import awscli.clidriver']).status === 0;
  if (!found && process.env['CI']) throw new Error('/usr/bin/aws is not installed: run `npm run setup`');
  if (!found) process.stderr.write('\n*** /usr/bin/aws is not installed: its tests do NOT run ***\n\n');
  return found;
}

/** Commands are answered one after the other, in the order they were given. */
export function startAws(env: NodeJS.ProcessEnv): AwsShell {
  const child = spawn(PYTHON, ['-c', DRIVER], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: ((answer: AwsAnswer) => void)[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line) as AwsAnswer));
  const ended = new Promise<void>((resolve) => child.once('close', () => {
    for (const answer of waiting.splice(0)) answer({ code: 255, stdout: '', stderr: 'the command line ended' });
    resolve();
  }));
  return {
    run: async (args) => new Promise((resolve) => {
      waiting.push(resolve);
      child.stdin.write(`${JSON.stringify(args)}\n`);
    }),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
