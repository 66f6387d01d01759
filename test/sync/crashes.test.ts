import { describe, expect, test } from 'vitest';
import { World } from '../helpers/world.ts';
import { CrashPoint, Device } from './device.ts';
import { MemoryBucket } from './bucket-over-disks.ts';

type Scenario = {
  readonly name: string;
  readonly before: (a: Device, b: Device) => void;
  /** What the users do before the cycle in which device a crashes. */
  readonly then: (a: Device, b: Device) => void | Promise<void>;
  /** What the user does on device a between the crash and the next start. */
  readonly meanwhile?: (a: Device) => void;
  readonly expected: readonly string[];
};

const scenarios: readonly Scenario[] = [
  { name: 'uploading new files', before: () => undefined, then: (a) => write(a, { one: '1', two: '2', 'dir/three': '3' }), expected: ['1', '2', '3'] },
  { name: 'uploading an edit', before: (a) => write(a, { one: '1', keep: 'k' }), then: (a) => write(a, { one: '1 edited' }), expected: ['1 edited', 'k'] },
  { name: 'deleting a file', before: (a) => write(a, { one: '1', two: '2', keep: 'k' }), then: (a) => a.delete('one'), expected: ['2', 'k'] },
  {
    name: 'deleting a file that the user puts back meanwhile',
    before: (a) => write(a, { one: '1', two: '2', keep: 'k' }),
    then: (a) => a.delete('one'),
    meanwhile: (a) => a.write('one', '1'),
    expected: ['1', '2', 'k'],
  },
  { name: 'renaming a file', before: (a) => write(a, { one: '1', keep: 'k' }), then: (a) => a.rename('one', 'dir/uno'), expected: ['1', 'k'] },
  {
    name: 'renaming a file that the user renames back meanwhile',
    before: (a) => write(a, { one: '1', keep: 'k' }),
    then: (a) => a.rename('one', 'uno'),
    meanwhile: (a) => a.rename('uno', 'one'),
    expected: ['1', 'k'],
  },
  {
    name: 'editing a file again before the next start',
    before: (a) => write(a, { one: '1' }),
    then: (a) => write(a, { one: '1 edited' }),
    meanwhile: (a) => a.write('one', '1 edited twice'),
    expected: ['1 edited twice'],
  },
  {
    name: 'taking over an edit, a deletion and a new file',
    before: (a) => write(a, { one: '1', two: '2', 'dir/three': '3' }),
    then: async (_, b) => {
      write(b, { one: '1 by ben', four: '4' });
      b.delete('dir');
      await b.sync();
    },
    expected: ['1 by ben', '2', '4'],
  },
  { name: 'taking over changed permission bits', before: (a) => write(a, { one: '1' }), then: (a) => a.chmod('one', 0o600), expected: ['1'] },
];

function write(device: Device, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) device.write(path, content);
}

/** @returns whether the crash came: past the last step there is none. */
async function runWithCrash(scenario: Scenario, at: number, isAfter: boolean): Promise<boolean> {
  const bucket = new MemoryBucket();
  const a = await new Device('anna', bucket).open();
  const b = await new Device('ben', bucket).open();
  try {
    scenario.before(a, b);
    for (const device of [a, b, a, b]) await device.sync();
    await scenario.then(a, b);
    const crash = new CrashPoint(at, isAfter);
    await a.restart(crash);
    await a.sync().catch(() => undefined);
    scenario.meanwhile?.(a);
    await a.restart();
    for (const device of [a, b, a, b]) await device.sync();

    const where = `crash at step ${at}, ${isAfter ? 'after' : 'before'} its effect`;
    expect(Object.values(a.files()).toSorted(), where).toEqual([...scenario.expected].toSorted());
    expect(a.conflictCopies(), where).toEqual([]);
    expect(b.files(), where).toEqual(a.files());
    expect(a.remoteFiles(), where).toEqual(a.files());
    expect(a.state.openIntents(), where).toEqual([]);
    const writes = bucket.writes();
    for (const device of [a, b]) expect(await device.engine.runCycle(), where).toMatchObject({ isSettled: true, done: 0 });
    expect(bucket.writes(), where).toBe(writes);
    return crash.hasCrashed;
  } finally {
    await a.remove();
    await b.remove();
  }
}

describe('a crash loses nothing, makes no conflict copy, and the next start finishes the work', () => {
  for (const scenario of scenarios) {
    for (const isAfter of [false, true]) {
      test(`at every step of ${scenario.name}, ${isAfter ? 'after' : 'before'} the step's effect`, async () => {
        let at = 1;
        while (await runWithCrash(scenario, at, isAfter)) at += 1;
        expect(at).toBeGreaterThan(3);
      }, 60_000);
    }
  }
});

describe('a crash while an empty directory is taken over', () => {
  test.each(['two-way', 'download-mirror'] as const)('brings nothing back that the other device removed since: %s', async (direction) => {
    for (let at = 1; ; at++) {
      const world = new World();
      const a = world.addDevice('a');
      const b = world.addDevice('b', { direction });
      a.disk.write('keep', 'k');
      for (const device of [a, b]) await device.sync();
      a.disk.makeDirectory('x/y');
      await a.sync();
      let calls = 0;
      world.faults.next = () => (++calls === at ? { at: 'crash-after' } : null);
      const isThrough = (await b.sync()) !== null;
      delete world.faults.next;
      a.disk.remove('x');
      for (const device of [a, b, a, b]) await device.sync();
      expect([a.disk.directories(), b.disk.directories(), world.remoteDirectories()], `after call ${at}`).toEqual([[], [], []]);
      if (isThrough) break;
    }
  });
});
