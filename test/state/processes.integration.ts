/** Records and settings between processes, and under a process that is killed. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openFolderState } from '../../main/state/folder-state.ts';
import { isFolderLocked, lockFolder } from '../../main/state/lock.ts';
import { openSettings } from '../../main/state/settings.ts';

const ID = 'f'.repeat(32);
const homes: string[] = [];
function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'enfold-state-'));
  homes.push(home);
  return home;
}
afterEach(() => {
  for (const home of homes.splice(0)) rmSync(home, { recursive: true, force: true });
});

describe('between processes', () => {
  test('changes of another process are told within a second or so', async () => {
    const home = newHome();
    const settings = openSettings(home);
    const before = settings.changeCounter();
    const told = new Promise<void>((resolve) => {
      settings.onChange(resolve);
    });
    const script = `
      import { openSettings } from ${JSON.stringify(join(import.meta.dirname, '../../main/state/settings.ts'))};
      const settings = openSettings(${JSON.stringify(home)});
      settings.putFact('seen', [1]);
      settings.close();`;
    execFileSync(process.execPath, ['--input-type=module', '-e', script]);
    await told;
    expect(settings.changeCounter()).toBeGreaterThan(before);
    expect(settings.fact('seen')).toEqual([1]);
    settings.close();
  });

  test('the lock of a folder is freed when its holder is killed', async () => {
    const home = newHome();
    const script = `
      import { isFolderLocked, lockFolder } from ${JSON.stringify(join(import.meta.dirname, '../../main/state/lock.ts'))};
      lockFolder(${JSON.stringify(home)}, '${ID}');
      console.log('held');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(() => lockFolder(home, ID)).toThrowError(expect.objectContaining({ code: 'folder-busy' }) as Error);
    expect(isFolderLocked(home, ID)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockFolder(home, ID)();
  });

  test('what was committed is there after a kill', () => {
    const home = newHome();
    const script = `
      import { openFolderState } from ${JSON.stringify(join(import.meta.dirname, '../../main/state/folder-state.ts'))};
      const state = openFolderState(${JSON.stringify(home)}, '${ID}');
      state.putFact('a', 1);
      state.beginScan();
      process.kill(process.pid, 'SIGKILL');`;
    expect(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal).toBe('SIGKILL');
    const state = openFolderState(home, ID);
    expect(state.fact('a')).toBe(1);
    state.beginScan();
    state.close();
    expect(existsSync(join(home, 'folders', `${ID}.db-wal`))).toBe(false);
  });
});
